import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { differences, holding, MATRIX, NEWEST_ABI } from '../../src/launch/matrix.ts';
import type { Attack } from './attack.ts';
import { ATTACKS } from './attacks.ts';
import { MOVED, UNSEEN_UP_TO } from './moved.ts';
import { suite } from './suite.ts';

const GATE = fileURLToPath(new URL('../../dist/paddock-gate', import.meta.url));
const probe = spawnSync(GATE, ['--probe'], { encoding: 'utf8' }).stdout ?? '';
const HERE = Number(/"landlockAbi":(\d+)/.exec(probe)?.[1] ?? 0);

// Namespaces would hold some of it, too, and hide what the rest of the plan does.
const ALONE = 'apiVersion: paddock/v1\nisolation:\n  namespaces: off\n';

/** What is held in another way, or by less, at this ABI than at the newest. */
function moved(landlockAbi: number): readonly string[] {
  const at = (abi: number) => ({ landlockAbi: abi, seccomp: true, supervisor: true, namespaces: false });
  return MATRIX.filter((closure) => {
    const [old, newest] = [holding(closure, at(landlockAbi)), holding(closure, at(NEWEST_ABI))];
    return old?.way !== newest?.way || old?.beneath.length !== newest?.beneath.length;
  }).map(({ id }) => id);
}

it('has attempts for all that is held otherwise at any older ABI', () => {
  for (let abi = 1; abi < NEWEST_ABI; abi++)
    for (const id of moved(abi)) expect(Object.keys(MOVED), `ABI ${abi}`).toContain(id);
  for (const attempt of Object.values(MOVED).flat())
    expect(ATTACKS.map((one) => one.attempt)).toContain(attempt);
  expect(differences(NEWEST_ABI)).toEqual([]);
});

// The plan of an older kernel, really run. At the ABI of this machine the whole suite runs elsewhere, with its control runs.
for (let landlockAbi = 1; landlockAbi < Math.min(HERE, NEWEST_ABI); landlockAbi++) {
  const ids = moved(landlockAbi);
  const attempts = Object.entries(MOVED).flatMap(([id, list]) => (ids.includes(id) ? list : []));
  suite({
    title: `attacks as on Landlock ABI ${landlockAbi}`,
    uid: process.getuid?.() ?? -1,
    attacks: [...ATTACKS.filter(({ attempt }) => attempts.includes(attempt)), ...always()].map((attack) =>
      asSeenAt(landlockAbi, attack),
    ),
    landlockAbi,
    bare: false,
  });
}

/** Two of the files, so that no ABI is without: what Landlock holds at every one. */
function always() {
  return ATTACKS.filter(({ name }) =>
    ['read a private key in the home', 'execute a copy of itself'].includes(name),
  );
}

function asSeenAt(landlockAbi: number, attack: Attack): Attack {
  const alone = { ...attack, policy: attack.policy ?? ALONE };
  if (landlockAbi > (UNSEEN_UP_TO[attack.attempt] ?? 0)) return alone;
  return { ...alone, seen: { nothing: 'the filter answers by itself' } };
}
