import type { APE } from '../../../src/integrity/catalogue/ape.ts';
import type { CheckCases } from '../case.ts';
import { ELF_CASES } from './ape-elf.ts';
import { FOREIGN_CASES } from './ape-foreign.ts';
import { SCRIPT_CASES } from './ape-script.ts';

export const APE_CASES: Readonly<Partial<Record<keyof typeof APE, CheckCases>>> = {
  ...SCRIPT_CASES,
  ...ELF_CASES,
  ...FOREIGN_CASES,
};
