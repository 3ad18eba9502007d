import type { Checks } from './check.ts';

/** SIG: signatures and approvals. */
export const SIG = {
  'SIG-001': {
    stage: 'judging',
    severity: 'info',
    title: 'somebody whom you trust vouches for the file',
    why: 'the bytes are those that the signer or approver had, whatever way they came',
    remedy: 'nothing; `paddock trust list` shows whom you trust',
  },
  'SIG-002': {
    stage: 'judging',
    severity: 'info',
    title: 'the policy asks for a signature or an approval, and none counts',
    why: 'nobody whom you trust says that the file is theirs, so that anybody may have made it',
    remedy: '`paddock trust add` a signer whom you know, or `paddock approve` the file',
  },
  'SIG-003': {
    stage: 'judging',
    severity: 'deny',
    title: 'a signature is broken, or is for other bytes than these',
    why: 'somebody changed the file or its signature after it was signed, or one of the two is of another release',
    remedy:
      'get the file and its signature again from their publisher; remove a signature that belongs to another file',
  },
  'SIG-004': {
    stage: 'judging',
    severity: 'warn',
    title: 'the signer is not trusted any more',
    why: 'a key is given an end when it is lost or replaced: whoever has it now can sign what they like',
    remedy: 'ask the publisher for a signature by the key that is in use now',
  },
  'SIG-005': {
    stage: 'judging',
    severity: 'warn',
    title: 'a list of checksums gives the file another digest',
    why: 'the bytes are not those that the list was made of: an incomplete download, or an exchange',
    remedy: 'the download may be broken: get the file again; remove a list that is out of date',
  },
} as const satisfies Checks;
