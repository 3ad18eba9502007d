import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDemoLlamafile } from '../../src/demo/build.ts';
import { buildDemoModel } from '../../src/demo/model.ts';
import type { Environment } from '../../src/lib/paths.ts';

/** Where all that sessions of one stress run could leave behind stands: home, state, runtime and temporary folder. */
export interface StressPlace {
  readonly root: string;
  readonly llamafile: string;
  readonly env: Environment;
  /** Folders that must be as empty afterwards as they were before. */
  readonly temporary: readonly string[];
  readonly state: string;
  remove(): void;
}

/** @param engine path of the demo's engine, which is made a llamafile in ELF form: as little as a program can do. */
export function makePlace(engine: string): StressPlace {
  const root = mkdtempSync(join(tmpdir(), 'paddock-stress-'));
  const folder = (name: string): string => {
    const path = join(root, name);
    mkdirSync(path, { mode: 0o700 });
    return path;
  };
  const [home, state, runtime, tmp] = [folder('home'), folder('state'), folder('runtime'), folder('tmp')];
  const llamafile = join(root, 'tiny.llamafile');
  const parts = { engine: readFileSync(engine), model: buildDemoModel(), args: '-m\nmodel.gguf\n...\n' };
  writeFileSync(llamafile, buildDemoLlamafile({ ...parts, form: 'elf' }));
  chmodSync(llamafile, 0o755);
  const places = { HOME: home, XDG_STATE_HOME: state, XDG_RUNTIME_DIR: runtime, TMPDIR: tmp };
  return {
    root,
    llamafile,
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', ...places },
    temporary: [runtime, tmp],
    state,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
