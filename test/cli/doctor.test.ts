import { describe, expect, it } from 'vitest';
import { paddock, scratch } from './paddock.ts';

interface Report {
  readonly schema: string;
  readonly state: string;
  readonly checks: readonly { name: string; state: string; detail: string; effect: string; fix: string }[];
  readonly fence: readonly { what: string; by: readonly string[] }[];
}

describe('paddock doctor', () => {
  const home = scratch();

  it('says the same to a script and to a person, and by its exit code whether something is missing', async () => {
    const script = await paddock(['doctor', '--json'], { home });
    const report = JSON.parse(script.stdout) as Report;
    expect(report.schema).toBe('paddock/doctor/v1');
    const states = report.checks.map(({ state }) => state);
    expect(report.state).toBe(['missing', 'degraded', 'ok'].find((state) => states.includes(state)));
    if (process.platform === 'linux') expect(report.fence.length).toBeGreaterThan(10);
    expect(script.code).toBe(report.state === 'missing' ? 1 : 0);

    const person = await paddock(['doctor'], { home });
    expect(person.code).toBe(script.code);
    for (const { name, state, fix, effect } of report.checks) {
      const mark = state === 'ok' ? 'ok' : state.toUpperCase();
      expect(person.stdout).toMatch(new RegExp(`^${mark} +${name.replace(/[.()]/g, '\\$&')}`, 'm'));
      // Whoever is told that something is missing is told what that means.
      if (state !== 'ok') expect(effect).not.toBe('');
      if (fix !== '') expect(person.stdout).toContain(`fix: ${fix}`);
    }
  });

  it.skipIf(process.platform !== 'linux')('without a C compiler in PATH it says so', async () => {
    const { stdout } = await paddock(['doctor', '--json'], { home, env: { PATH: '/nonexistent' } });
    const check = (JSON.parse(stdout) as Report).checks.find(({ name }) => name === 'C compiler');
    expect(check).toMatchObject({ detail: 'no cc in PATH' });
    expect(check?.fix).toContain('apt install gcc');
  });
});
