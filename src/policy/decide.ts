import type { Requirement } from '../integrity/signatures/seen.ts';
import { SIGNATURE_PLACES } from '../integrity/signatures/sidecars.ts';
import type { Finding, Verdict } from '../integrity/verdict.ts';
import { escapeText } from '../lib/text.ts';
import type { Decision, EffectivePolicy, Origin, Policy, Reason } from './policy.ts';
import { withSeverities } from './severities.ts';

export interface DecideInput {
  readonly effective: EffectivePolicy;
  readonly verdict: Verdict;
}

/** What the policy says about a verdict: every reason to refuse, or every reason to warn. Pure. */
export function decide({ effective, verdict: judged }: DecideInput): Decision {
  const { verdict, lowered } = withSeverities(judged, effective.policy);
  const said = {
    effective,
    verdict,
    lowered: lowered.map((one) => ({ ...one, ...from(effective, 'checks') })),
  };
  const reasons = [
    ...standing(effective, verdict),
    ...unknownLoader(effective, verdict),
    ...denied(effective, verdict),
    ...required(effective, verdict),
    ...ruledOut(effective),
  ];
  if (reasons.length > 0) return { ...said, outcome: 'refuse', reasons };
  const warnings = verdict.findings.filter(({ severity }) => severity !== 'info').map(asReason);
  return { ...said, outcome: 'allow', warnings };
}

// A rule of which nobody can say whether it holds might be the one that refuses.
function ruledOut({ rules }: EffectivePolicy): Reason[] {
  return rules.flatMap(({ name, state, refuse, error, origin, bySystem }): Reason[] => {
    const rule = `rule "${escapeText(name, 80)}"`;
    if (state === 'failed') {
      const message = `${rule} cannot be judged: ${error ?? 'nobody knows why'}`;
      return [{ id: 'rules', message, remedy: bySystem ? ADMINISTRATOR : MEND, origin }];
    }
    if (refuse === undefined) return [];
    const message = `${rule} refuses it: ${escapeText(refuse, 500)}`;
    return [{ id: 'rules', message, remedy: bySystem ? ADMINISTRATOR : CHANGE, origin }];
  });
}

const ADMINISTRATOR = 'ask the administrator of this machine, whose rule it is';
const MEND =
  'make the condition one that holds or not for this file: docs/policy.md tells when a fact is not known';
const CHANGE = 'change the rule, or start the file so that its condition does not hold';

function standing(effective: EffectivePolicy, verdict: Verdict): Reason[] {
  const { trust } = effective.policy;
  if (trust.refuse.includes(verdict.standing)) {
    const worst = verdict.findings.find(({ severity }) => severity === 'deny');
    const why = verdict.standing === 'tampered' && worst !== undefined ? `: ${worst.title}` : '';
    return [
      {
        id: 'trust.refuse',
        message: `${STANDINGS[verdict.standing]}${why}`,
        remedy:
          verdict.standing === 'tampered'
            ? 'get the file again from its publisher; `paddock verify` shows what differs'
            : 'use a file that was built on a published release, or a policy that runs unknown ones inside the fence',
        ...from(effective, 'trust.refuse'),
      },
    ];
  }
  if (trust.tiers.includes(verdict.tier)) return [];
  return [
    {
      id: 'trust.tiers',
      message: `its runtime is of tier ${verdict.tier}, and the policy wants ${trust.tiers.join(' or ') || 'none'}`,
      remedy: 'use a file that was built on a published release, or a policy that accepts this tier',
      ...from(effective, 'trust.tiers'),
    },
  ];
}

const STANDINGS: Readonly<Record<Verdict['standing'], string>> = {
  release: 'it is a published release',
  unknown: 'its runtime is unknown',
  tampered: 'it was tampered with',
};

// The loader is the first code that runs. A raw one differs from program to program and is never used.
function unknownLoader(effective: EffectivePolicy, { loader }: Verdict): Reason[] {
  const { trust } = effective.policy;
  if (loader === undefined || loader.encoding === 'raw' || loader.known !== undefined) return [];
  if (trust.unknownLoader === 'warn' || trust.loaders.includes(loader.sha256)) return [];
  return [
    {
      id: 'trust.unknownLoader',
      message: `nobody knows its loader (SHA-256 ${loader.sha256})`,
      remedy: 'if you know where the file is from, add that digest to `trust.loaders` of your policy',
      ...from(effective, 'trust.unknownLoader'),
    },
  ];
}

/** Where approvals are, in words. */
const APPROVAL_PLACES = '<file>.paddock.json beside it, or your own folder of approvals';

// What an administrator asks for must not be met by keys that the user made, and is asked for by itself: with
// `match: any` one more requirement of the user's would otherwise be one more way around it.
function required(effective: EffectivePolicy, verdict: Verdict): Reason[] {
  const { systemRequires, systemMatch, policy } = effective;
  const own = policy.trust.require.filter((requirement) => !systemRequires.includes(requirement));
  return [
    ...unmet(effective, verdict, systemRequires, systemMatch, true),
    ...unmet(effective, verdict, own, policy.trust.match, false),
  ];
}

function unmet(
  effective: EffectivePolicy,
  verdict: Verdict,
  requirements: readonly Requirement[],
  match: Policy['trust']['match'],
  bySystem: boolean,
): Reason[] {
  const lacking = requirements.flatMap((requirement) => lack(effective, verdict, requirement, bySystem));
  return match === 'any' && lacking.length < requirements.length ? [] : lacking;
}

function lack(
  effective: EffectivePolicy,
  verdict: Verdict,
  requirement: Requirement,
  bySystem: boolean,
): Reason[] {
  const found = (requirement === 'signature' ? verdict.signatures : verdict.approvals) ?? [];
  if (found.some(({ state, anchor }) => state === 'trusted' && (!bySystem || anchor === 'system'))) return [];
  const places = requirement === 'signature' ? SIGNATURE_PLACES : APPROVAL_PLACES;
  const whose = bySystem ? 'the system’s' : 'a';
  const why = found.map(
    ({ file, reason, signer }) => `; ${file}: ${reason ?? `only you trust ${signer ?? 'its signer'}`}`,
  );
  return [
    {
      id: 'trust.require',
      message: `it has no ${requirement} that counts by ${whose} trust store; looked for ${places}${why.join('')}`,
      remedy: bySystem ? ASK_ADMINISTRATOR : GET[requirement],
      ...from(effective, 'trust.require'),
    },
  ];
}

const ASK_ADMINISTRATOR =
  'ask the administrator of this machine, whose signers are in /etc/paddock/trust.json';
const GET: Readonly<Record<Requirement, string>> = {
  signature: '`paddock trust add` the publisher’s key or identity; `paddock verify` shows what was found',
  approval: '`paddock verify` the file, then `paddock approve` it',
};

function denied(effective: EffectivePolicy, verdict: Verdict): Reason[] {
  if (effective.policy.trust.findings === 'record') return [];
  return verdict.findings
    .filter(({ severity }) => severity === 'deny')
    .map((finding) => ({ ...asReason(finding), ...from(effective, 'trust.findings') }));
}

function asReason({ id, title, remedy, evidence }: Finding): Reason {
  const place = evidence.offset === undefined ? '' : ` (byte ${evidence.offset})`;
  return { id, message: `${title}${place}`, remedy };
}

function from(effective: EffectivePolicy, path: string): { readonly origin?: Origin } {
  const origin = effective.origins.get(path);
  return origin === undefined ? {} : { origin };
}
