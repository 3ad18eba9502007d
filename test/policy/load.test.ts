import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PaddockError } from '../../src/lib/errors.ts';
import type { PolicyFiles } from '../../src/policy/files.ts';
import { type LoadInput, loadPolicy, resolvePolicy } from '../../src/policy/load.ts';
import type { EffectivePolicy } from '../../src/policy/policy.ts';
import { HOME, HOST } from './arbitrary.ts';

interface Entry {
  readonly text?: string;
  readonly uid?: number;
  readonly mode?: number;
}

/** Files by path; folders are what the paths need. Links are `[from, to]`. */
function files(
  entries: Readonly<Record<string, Entry | string>>,
  links: Readonly<Record<string, string>> = {},
): PolicyFiles {
  const all = new Map(
    Object.entries(entries).map(([path, entry]) => [
      path,
      typeof entry === 'string' ? { text: entry } : entry,
    ]),
  );
  const owned = ({ uid = 0, mode = 0o644 }: Entry) => ({ uid, mode });
  return {
    read: (path) => {
      const entry = all.get(path);
      return entry?.text === undefined ? undefined : { text: entry.text, ...owned(entry) };
    },
    list: (path) => {
      const below = [...all.keys()].filter((one) => one.startsWith(`${path}/`));
      if (below.length === 0) return undefined;
      const names = below.map((one) => one.slice(path.length + 1).split('/')[0] ?? '');
      return { names: [...new Set(names)], ...owned({ mode: 0o755, ...all.get(path) }) };
    },
    real: (path) => links[path],
  };
}

const say = (text: string): string => `apiVersion: paddock/v1\n${text}\n`;
const load = (reader: PolicyFiles, input: Partial<LoadInput> = {}) =>
  resolve({
    files: [],
    flags: {},
    home: HOME,
    host: HOST,
    userFile: '/home/ada/policy.yaml',
    ...input,
    reader,
  });

async function resolve(input: LoadInput): Promise<EffectivePolicy> {
  return resolvePolicy(await loadPolicy(input));
}

async function failure(make: () => Promise<unknown>): Promise<PaddockError> {
  try {
    await make();
  } catch (cause) {
    if (cause instanceof PaddockError) return cause;
    throw cause;
  }
  throw new Error('nothing was thrown');
}

describe('layers', () => {
  it('are preset, user, --policy, flags, the last one first', async () => {
    const reader = files({
      '/home/ada/policy.yaml': say('limits: { processes: 10, openFiles: 100, cpus: 1 }'),
      'a.yaml': say('limits: { processes: 20, openFiles: 200 }'),
      'b.yaml': say('limits: { processes: 30 }'),
    });
    const { policy, origins, hasCeiling } = await load(reader, {
      files: ['a.yaml', 'b.yaml'],
      flags: { limits: { timeMs: 5 } },
    });
    expect(policy.limits).toMatchObject({
      processes: 30,
      openFiles: 200,
      cpus: 1,
      timeMs: 5,
      fileBytes: 2 ** 30,
    });
    expect(policy.limits.memoryBytes).toBe(Math.floor(HOST.memoryBytes * 0.9));
    expect(origins.get('limits.processes')).toEqual({ layer: 'b.yaml', line: 2, column: 11 });
    expect(origins.get('limits.cpus')?.layer).toBe('/home/ada/policy.yaml');
    expect(origins.get('limits.timeMs')).toEqual({ layer: 'the command line' });
    expect(hasCeiling).toBe(false);
  });

  it.each([
    ['nothing', {}, {}, 'refuse'],
    ['a preference', { preferredPreset: 'audit' }, {}, 'record'],
    [
      'a file over a preference',
      { preferredPreset: 'audit' },
      { '/home/ada/policy.yaml': say('extends: strict') },
      'refuse',
    ],
    ['a file', {}, { '/home/ada/policy.yaml': say('extends: audit') }, 'record'],
    [
      'the last file',
      { files: ['a.yaml'] },
      { '/home/ada/policy.yaml': say('extends: strict'), 'a.yaml': say('extends: audit') },
      'record',
    ],
    [
      'the command line over files',
      { preset: 'strict' },
      { '/home/ada/policy.yaml': say('extends: audit') },
      'refuse',
    ],
  ])('the preset is named by %s', async (_, input, entries, findings) => {
    expect((await load(files(entries), input)).policy.trust.findings).toBe(findings);
  });

  it('a preset named later does not undo what the user’s own file says', async () => {
    const reader = files({
      '/home/ada/policy.yaml': say('limits: { processes: 7 }'),
      'a.yaml': say('extends: strict'),
    });
    expect((await load(reader, { files: ['a.yaml'] })).policy.limits.processes).toBe(7);
  });

  it('says that a preset does not exist', async () => {
    expect((await failure(() => load(files({}), { preset: 'strikt' }))).detail.remedy).toBe(
      'did you mean `strict`?',
    );
    expect((await failure(() => load(files({}), { preset: 'constructor' }))).code).toBe('usage');
  });

  it('wants files that were asked for to be there', async () => {
    expect(await failure(() => load(files({}), { files: ['x.yaml'] }))).toMatchObject({
      code: 'io',
      detail: { where: 'x.yaml' },
    });
  });

  it('does not take a policy that everybody may change', async () => {
    const reader = files({ '/home/ada/policy.yaml': { text: say(''), mode: 0o666 } });
    expect((await failure(() => load(reader))).detail.remedy).toBe('chmod o-w /home/ada/policy.yaml');
  });

  it.each([
    ['a file of somebody else', { '/home/ada/policy.yaml': { text: say(''), uid: 1001 } }],
    [
      'a folder of somebody else',
      { '/home/ada/policy.yaml': say(''), '/home/ada': { uid: 1001, mode: 0o755 } },
    ],
    [
      'a folder that all may write',
      { '/home/ada/policy.yaml': say(''), '/home/ada': { uid: 1000, mode: 0o777 } },
    ],
  ])('does not take %s', async (_, entries) => {
    expect((await failure(() => load(files(entries), { uid: 1000 }))).message).toMatch(/somebody else/);
  });

  it('takes one of the user’s own group, or of root', async () => {
    const own = { '/home/ada/policy.yaml': { text: say(''), uid: 1000, mode: 0o664 } };
    expect(await load(files(own), { uid: 1000 })).toBeDefined();
    expect(await load(files({ '/home/ada/policy.yaml': say('') }), { uid: 1000 })).toBeDefined();
  });
});

describe('the system’s policy', () => {
  const SYSTEM = '/etc/paddock/policy.yaml';

  it('is a ceiling: what comes later can only narrow it', async () => {
    const reader = files({
      [SYSTEM]: say('extends: strict\nlimits: { processes: 50 }'),
      '/home/ada/policy.yaml': say('extends: audit\nlimits: { processes: 20 }'),
    });
    const { policy, rejected, hasCeiling } = await load(reader, { flags: { files: { read: ['/srv'] } } });
    expect(hasCeiling).toBe(true);
    expect(policy.limits.processes).toBe(20);
    expect(policy.trust).toMatchObject({ tiers: ['A', 'B'], findings: 'refuse', unknownLoader: 'refuse' });
    expect(policy.files.read).toEqual([]);
    expect(rejected.find(({ path }) => path === 'files.read')).toMatchObject({
      wanted: '[/srv]',
      kept: '[]',
      wantedBy: { layer: 'the command line' },
    });
  });

  it('has rules that set the ceiling, with the paths behind links, and that the user’s rules cannot widen', async () => {
    const reader = files(
      {
        [SYSTEM]: say(
          'rules: [{ name: root reads, when: user.uid == 0, then: { files: { read: [/srv/models] } } }]',
        ),
        '/home/ada/policy.yaml': say(
          'rules: [{ name: all, when: "true", then: { files: { read: [/srv/models/out, /srv/models/in] } } }]',
        ),
      },
      {
        '/srv/models': '/mnt/disk/models',
        '/srv/models/out': '/root',
        '/srv/models/in': '/mnt/disk/models/x',
      },
    );
    const loaded = await loadPolicy({
      files: [],
      flags: {},
      home: HOME,
      host: HOST,
      userFile: '/home/ada/policy.yaml',
      reader,
    });
    expect([...loaded.needs]).toEqual(['user.uid']);
    const readable = (uid: number) =>
      resolvePolicy(loaded, { values: { 'user.uid': uid }, signers: [] }).policy.files.read;
    expect(readable(0)).toEqual(['/mnt/disk/models/x']);
    expect(readable(1)).toEqual([]);
  });

  it('is read from policy.d too, by name, and nothing else there', async () => {
    const reader = files({
      '/etc/paddock/policy.d/20-b.yaml': say('limits: { processes: 2 }'),
      '/etc/paddock/policy.d/10-a.yaml': say('limits: { processes: 1, openFiles: 16 }'),
      '/etc/paddock/policy.d/.30-c.yaml': say('limits: { processes: 3 }'),
      '/etc/paddock/policy.d/40-d.yaml.bak': say('limits: { processes: 4 }'),
    });
    const { policy, hasCeiling } = await load(reader);
    expect(policy.limits).toMatchObject({ processes: 2, openFiles: 16 });
    expect(hasCeiling).toBe(true);
  });

  it('is no ceiling where the folder is empty', async () => {
    expect(
      (await load(files({ '/etc/paddock/policy.d/README': 'x', '/etc/paddock': { uid: 7 } }))).hasCeiling,
    ).toBe(false);
  });

  it('does not let a link lead out of a granted folder', async () => {
    const reader = files(
      { [SYSTEM]: say('files: { read: [/srv/models] }') },
      {
        '/srv/models': '/mnt/disk/models',
        '/srv/models/out': '/root',
        '/srv/models/in': '/mnt/disk/models/x',
      },
    );
    const { policy, rejected } = await load(reader, {
      flags: { files: { read: ['/srv/models/out', '/srv/models/in'] } },
    });
    expect(policy.files.read).toEqual(['/mnt/disk/models', '/mnt/disk/models/x']);
    expect(rejected).toHaveLength(1);
  });

  it.each([
    ['a file of somebody else', { [SYSTEM]: { text: say(''), uid: 1000 } }],
    ['a file that a group may write', { [SYSTEM]: { text: say(''), mode: 0o664 } }],
    ['a file that all may write', { [SYSTEM]: { text: say(''), mode: 0o646 } }],
    ['a folder of somebody else', { [SYSTEM]: say(''), '/etc/paddock': { uid: 1000, mode: 0o755 } }],
    ['a folder that all may write', { [SYSTEM]: say(''), '/etc/paddock': { mode: 0o1777 } }],
    [
      'a folder of parts that a group may write',
      { '/etc/paddock/policy.d/a.yaml': say(''), '/etc/paddock/policy.d': { mode: 0o775 } },
    ],
    ['a part of somebody else', { '/etc/paddock/policy.d/a.yaml': { text: say(''), uid: 1 } }],
  ])('is refused: %s', async (_, entries) => {
    const error = await failure(() => load(files(entries)));
    expect(error.code).toBe('policy-invalid');
    expect(error.detail.remedy).toMatch(/^chown root:root \/etc\/paddock/);
  });

  it('is refused when a folder on the way to it, or to where its link leads, is not root’s alone', async () => {
    const writable = files({ [SYSTEM]: say(''), '/etc': { mode: 0o777 } });
    expect((await failure(() => load(writable))).detail.where).toBe('/etc');
    const linked = files(
      { [SYSTEM]: say(''), '/srv/policies/site.yaml': say(''), '/srv/policies': { uid: 1000, mode: 0o755 } },
      { [SYSTEM]: '/srv/policies/site.yaml' },
    );
    expect((await failure(() => load(linked))).detail.where).toBe('/srv/policies');
  });

  it('is refused when it is wrong, or is gone when it is read', async () => {
    expect((await failure(() => load(files({ [SYSTEM]: say('limts: {}') })))).detail.where).toBe(
      `${SYSTEM}:2:1`,
    );
    expect((await failure(() => load(files({ [SYSTEM]: {} })))).code).toBe('io');
  });
});

describe('files of the machine', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const loadFile = (path: string) =>
    resolve({ files: [path], flags: {}, home: HOME, host: HOST, systemDir: join(folder, 'etc') });

  it('are read', async () => {
    const path = join(folder, 'p.yaml');
    writeFileSync(path, say('limits: { processes: 3 }'));
    expect((await loadFile(path)).policy.limits.processes).toBe(3);
  });

  it.each([
    ['a folder', (path: string) => mkdirSync(path)],
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path])],
    ['a device', (path: string) => symlinkSync('/dev/zero', path)],
    ['too long', (path: string) => writeFileSync(path, `#${' '.repeat(300_000)}`)],
    ['no text', (path: string) => writeFileSync(path, Buffer.from([0x61, 0xff, 0xfe]))],
    ['a link to nothing', (path: string) => symlinkSync('/nonexistent/x', path)],
    ['a link to itself', (path: string) => symlinkSync(path, path)],
  ])('are refused: %s', async (_, make) => {
    const path = join(folder, 'p.yaml');
    make(path);
    expect((await failure(() => loadFile(path))).detail.where).toBe(path);
  });

  it('of the system must be root’s', async () => {
    mkdirSync(join(folder, 'etc'));
    const path = join(folder, 'etc', 'policy.yaml');
    writeFileSync(path, say('limits: { processes: 3 }'));
    chmodSync(path, 0o666);
    const none = join(folder, 'none.yaml');
    writeFileSync(none, say(''));
    expect((await failure(() => loadFile(none))).detail.where).toBe(path);
  });
});
