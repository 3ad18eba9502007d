import type * as esbuild from 'esbuild';
import type { WrittenPolicy } from '../src/policy/partial.ts';

export function compiledPresets(
  builder: typeof esbuild,
  root: string,
  scratch: string,
): Promise<esbuild.Plugin>;
export function readPresets(
  builder: typeof esbuild,
  root: string,
  scratch: string,
): Promise<Record<string, WrittenPolicy>>;
export function presetModule(presets: Readonly<Record<string, WrittenPolicy>>): string;
