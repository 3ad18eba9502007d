import { expect, it } from 'vitest';
import { fencePage } from '../../src/launch/fence-page.ts';
import { RULES } from '../../src/launch/seccomp-rules.ts';

it('is what docs/fence.md says; `npx vitest run test/launch/fence-page.test.ts -u` writes it', async () => {
  await expect(fencePage()).toMatchFileSnapshot('../../docs/fence.md');
});

it('names every call of every rule', () => {
  const page = fencePage();
  for (const name of RULES.flatMap(({ calls }) => calls)) expect(page).toContain(`\`${name}\``);
});
