import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { distPath } from '../fixtures/llamafiles.ts';
import { stress } from './stress.ts';

const PADDOCK = fileURLToPath(new URL('../../bin/paddock.js', import.meta.url));
/** On a busy machine a session takes half a second. */
const TEST_MS = 180_000;

it.runIf(process.platform === 'linux')(
  'sessions in a row and at once leave nothing behind',
  { timeout: TEST_MS },
  async () => {
    const engine = distPath('demo-engine');
    const result = await stress({ inARow: 20, atOnce: 6, engine, paddock: [process.execPath, PADDOCK] });
    expect(result.failures).toEqual([]);
    expect(result.left).toEqual({});
  },
);
