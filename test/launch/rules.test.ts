import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Architecture } from '../../src/format/anatomy.ts';
import { type Condition, ENOSYS, type Rule, type SeccompOptions } from '../../src/launch/rules/rule.ts';
import {
  denyProgram,
  notifyProgram,
  RET_ALLOW,
  RET_ERRNO,
  RET_KILL_PROCESS,
  RET_USER_NOTIF,
} from '../../src/launch/seccomp.ts';
import { RULES } from '../../src/launch/seccomp-rules.ts';
import { AUDIT_ARCH, LAST_KNOWN, SYSCALL_NAMES, syscallNumber } from '../../src/launch/syscalls.ts';
import { interpret } from './bpf-interpreter.ts';

const ARCHITECTURES: readonly Architecture[] = ['x86-64', 'aarch64'];
/** AUDIT_ARCH_* of linux/audit.h: i386, arm, and others that some kernel somewhere answers to. */
const FOREIGN = [0x4000_0003, 0x4000_0028, 0x0000_0028, 0xc000_0015, 0x8000_0016, 0x0000_0008, 0];

/** One plan at least for each option of which a rule depends; whoever adds an option adds it here. */
const FURTHER: readonly Partial<SeccompOptions>[] = [
  {},
  { devices: true },
  { bound: true },
  { connects: true },
  { closesMappings: true },
];

const PLANS: readonly SeccompOptions[] = [1, 2, 3, 4, 5, 6, 7].flatMap((landlockAbi) =>
  (['none', 'serve'] as const).flatMap((network) =>
    [true, false].flatMap((execute) =>
      FURTHER.map((further) => ({
        network,
        execute,
        landlockAbi,
        kill: { exec: false, connect: false, syscall: false },
        ...further,
      })),
    ),
  ),
);

type Args = readonly bigint[];

/** The tables read by hand, without any of the code that compiles them. */
function expected(arch: Architecture, options: SeccompOptions, nr: number, args: Args, supervised: boolean) {
  if (nr > LAST_KNOWN) return RET_ERRNO | ENOSYS;
  const name = SYSCALL_NAMES.find((one) => syscallNumber(arch, one) === nr);
  const rule = RULES.find(
    (one) =>
      name !== undefined &&
      one.calls.includes(name) &&
      (one.applies === undefined || one.applies(options)) &&
      holds(one, args),
  );
  if (rule === undefined) return RET_ALLOW;
  if (supervised) return rule.silent === true ? RET_ERRNO | rule.errno : RET_USER_NOTIF;
  return rule.alone === 'errno' ? RET_ERRNO | rule.errno : RET_ALLOW;
}

function holds({ when, unless }: Rule, args: Args): boolean {
  return (
    (when ?? []).every((one) => meets(one, args)) && !(unless?.every((one) => meets(one, args)) ?? false)
  );
}

function meets(condition: Condition, args: Args): boolean {
  const low = Number(BigInt.asUintN(32, args[condition.argument] ?? 0n));
  const value = (low & (condition.mask ?? 0xffff_ffff)) >>> 0;
  if (condition.in !== undefined) return condition.in.includes(value);
  return !(condition.notIn ?? []).includes(value);
}

/** Values that conditions speak of, their neighbours, and the same with the other 32 bits set. */
const INTERESTING: readonly bigint[] = [
  ...new Set(
    RULES.flatMap(({ when, unless }) => [...(when ?? []), ...(unless ?? [])]).flatMap((condition) =>
      [...(condition.in ?? []), ...(condition.notIn ?? []), condition.mask ?? 0].flatMap((value) => [
        BigInt(value >>> 0),
        BigInt((value + 1) >>> 0),
        BigInt((value | 0x8000_0000) >>> 0),
      ]),
    ),
  ),
];

const argument = fc.oneof(
  fc.constantFrom(...INTERESTING),
  fc.constantFrom(...INTERESTING).map((value) => value | 0xdead_beef_0000_0000n),
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
);
const sixArguments = fc.array(argument, { minLength: 6, maxLength: 6 });

describe.each(ARCHITECTURES)('every rule on %s', (arch) => {
  const named = SYSCALL_NAMES.flatMap((name) => syscallNumber(arch, name) ?? []);
  const programs = PLANS.map((options) => ({
    options,
    notify: notifyProgram(arch, options),
    deny: denyProgram(arch, options),
  }));

  function compare(nr: number, args: Args, { options, notify, deny }: (typeof programs)[number]): void {
    const call = { arch: AUDIT_ARCH[arch], nr, args };
    const where = `${nr}(${args.join()}) in ${JSON.stringify(options)}`;
    expect(interpret(notify, call).value, where).toBe(expected(arch, options, nr, args, true));
    expect(interpret(deny, call).value, where).toBe(expected(arch, options, nr, args, false));
  }

  it('does what its table says, for every number and plan, whatever the arguments', () => {
    const zeros = Array<bigint>(6).fill(0n);
    const ones = Array<bigint>(6).fill(0xffff_ffff_ffff_ffffn);
    for (const plan of programs)
      for (const nr of [...named, 500, LAST_KNOWN + 1])
        for (const args of [zeros, ones]) compare(nr, args, plan);
    fc.assert(fc.property(fc.constantFrom(...named), sixArguments, fc.constantFrom(...programs), compare), {
      numRuns: 6000,
    });
  });

  it('is reached: some plan and arguments make each one decide', () => {
    for (const rule of RULES) {
      const nr = rule.calls.map((name) => syscallNumber(arch, name)).find((one) => one !== undefined);
      if (nr === undefined) continue; // none of its calls is on this machine
      const decides = PLANS.some((options) => {
        if (rule.applies !== undefined && !rule.applies(options)) return false;
        return candidates(rule).some((args) => firstRule(arch, options, nr, args) === rule);
      });
      expect(decides, `${rule.calls.join()}: ${rule.why}`).toBe(true);
    }
  });

  it('looks at no number of another machine, nor at x32', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(...named), fc.nat(0xffff)),
        fc.constantFrom(...FOREIGN, AUDIT_ARCH[arch === 'x86-64' ? 'aarch64' : 'x86-64']),
        sixArguments,
        fc.constantFrom(...programs),
        (nr, other, args, { notify, deny }) => {
          expect(interpret(notify, { arch: other, nr, args }).value).toBe(RET_USER_NOTIF);
          expect(interpret(deny, { arch: other, nr, args }).value).toBe(RET_KILL_PROCESS);
          const x32 = { arch: AUDIT_ARCH[arch], nr: (0x4000_0000 | nr) >>> 0, args };
          const [seen, unseen] = [interpret(notify, x32).value, interpret(deny, x32).value];
          // On aarch64 there is no such entry: the number is one that is too new.
          expect(seen).toBe(arch === 'x86-64' ? RET_USER_NOTIF : RET_ERRNO | ENOSYS);
          expect(unseen).toBe(arch === 'x86-64' ? RET_KILL_PROCESS : RET_ERRNO | ENOSYS);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

function firstRule(arch: Architecture, options: SeccompOptions, nr: number, args: Args): Rule | undefined {
  return RULES.find(
    (one) =>
      one.calls.some((name) => syscallNumber(arch, name) === nr) &&
      (one.applies === undefined || one.applies(options)) &&
      holds(one, args),
  );
}

/** Arguments of which some meet every condition of the rule: each value alone, and one for each argument together. */
function candidates({ when, unless }: Rule): Args[] {
  const wanted = (when ?? []).map((one) => one.in?.map(BigInt) ?? [BigInt(one.mask ?? 1), 0xffff_ffffn, 0n]);
  const bases = [0n, 0xffff_ffffn, 0x5aa5n].map((fill) => Array<bigint>(6).fill(fill));
  const longest = Math.max(1, ...wanted.map((values) => values.length), ...(unless ?? []).map(() => 1));
  return bases.flatMap((base) =>
    Array.from({ length: longest }, (_, pick) => {
      const args = [...base];
      (when ?? []).forEach((one, index) => {
        const values = wanted[index] ?? [0n];
        args[one.argument] = (args[one.argument] ?? 0n) & ~BigInt(one.mask ?? 0xffff_ffff);
        args[one.argument] = (args[one.argument] ?? 0n) | (values[pick % values.length] ?? 0n);
      });
      return args;
    }),
  );
}
