import type { Checks } from './check.ts';

/** GGUF: the weights. */
export const GGUF = {} as const satisfies Checks;
