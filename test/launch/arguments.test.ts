import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GRAMMARS, parseDotArgs } from '../../src/format/args/grammar.ts';
import { type ArgumentsInput, prepareArguments } from '../../src/launch/arguments.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import { dotArgsMember, effective, fakePaths } from './fixtures.ts';

const PATHS = fakePaths(
  [
    '/home/u/model.gguf',
    '/home/u/prompt.txt',
    '/home/u/Makefile',
    '/home/u/sub/x.gguf',
    '/home/u/other.llamafile',
    '/home/u/public/',
    '/home/u/and/or',
    '/data/big-00001-of-00003.gguf',
    '/data/blob',
    '/etc/passwd',
  ],
  { '/home/u/link.gguf': '/data/blob' },
);

type More = Partial<Omit<ArgumentsInput, 'dotArgs'>> & { readonly dotArgs?: string };

function prepare(args: string[], { dotArgs, ...more }: More = {}) {
  return prepareArguments({
    ...(dotArgs === undefined ? {} : { dotArgs: [dotArgsMember(Buffer.from(dotArgs))] }),
    args,
    cwd: '/home/u',
    members: new Set(['model.gguf', 'weights.gguf']),
    hasModel: false,
    effective: effective(),
    paths: PATHS,
    ...more,
  });
}

describe('file arguments', () => {
  it.each<[string[], string[], string[]]>([
    [['-m', 'sub/x.gguf'], ['-m', '/home/u/sub/x.gguf'], ['/home/u/sub/x.gguf']],
    [['--model=sub/x.gguf'], ['--model=/home/u/sub/x.gguf'], ['/home/u/sub/x.gguf']],
    [['-m', 'weights.gguf'], ['-m', 'weights.gguf'], []], // only in the zip
    [['-m', '/zip/weights.gguf'], ['-m', '/zip/weights.gguf'], []],
    [['-m', 'nowhere.gguf'], ['-m', 'nowhere.gguf'], []],
    [['-f', 'prompt.txt'], ['-f', '/home/u/prompt.txt'], ['/home/u/prompt.txt']],
    [['-f', 'Makefile', 'all'], ['-f', '/home/u/Makefile', 'all'], ['/home/u/Makefile']],
    [['-f', '/dev/stdin'], ['-f', '/dev/stdin'], []],
    [['-f', '-'], ['-f', '-'], []],
    [['Makefile'], ['Makefile'], []], // no flag and no slash: a word
    [['./Makefile'], ['/home/u/Makefile'], ['/home/u/Makefile']],
    [['--unknown', './prompt.txt'], ['--unknown', '/home/u/prompt.txt'], ['/home/u/prompt.txt']],
    [['-p', 'and/or'], ['-p', 'and/or'], []], // a prompt is never a path
    [['--prompt=and/or'], ['--prompt=and/or'], []],
    [['-c', 'echo hi; exit 7'], ['-c', 'echo hi; exit 7'], []],
    [['/etc/passwd'], ['/etc/passwd'], ['/etc/passwd']],
    [['-m', 'other.llamafile@w.gguf'], ['-m', '/home/u/other.llamafile@w.gguf'], ['/home/u/other.llamafile']],
    [
      ['-m', 'link.gguf'],
      ['-m', '/home/u/link.gguf'],
      ['/home/u/link.gguf', '/data/blob'],
    ],
    [['--path', 'public'], ['--path', '/home/u/public'], ['/home/u/public']],
    [['', '--', '-'], ['', '--', '-'], []],
  ])('%j', (args, given, reads) => {
    const prepared = prepare(args);
    expect(prepared.args).toEqual(given);
    expect(prepared.reads).toEqual(reads);
  });

  it('warns when the user’s file takes the place of a member', () => {
    const prepared = prepare(['-m', 'model.gguf']);
    expect(prepared.args).toEqual(['-m', '/home/u/model.gguf']);
    expect(prepared.warnings.join()).toMatch(/your file is used/);
  });

  it('grants all parts of split weights', () => {
    const { reads } = prepare(['-m', '/data/big-00001-of-00003.gguf']);
    expect(reads).toEqual([1, 2, 3].map((part) => `/data/big-0000${part}-of-00003.gguf`));
  });

  it('grants no part of split weights that is a link to elsewhere', () => {
    const part = (number: number): string => `/data/big-0000${number}-of-00003.gguf`;
    const linked = (links: Readonly<Record<string, string>>) =>
      prepare(['-m', part(1)], {
        paths: { kind: () => 'file', real: (path) => links[path] ?? path, entries: () => [] },
      });
    const planted = linked({ [part(2)]: '/home/u/.ssh/key' });
    expect(planted.reads).toEqual([part(1), part(3)]);
    expect(planted.warnings.join()).toMatch(/link to another folder/);
    const cache = { [part(1)]: '/blobs/a', [part(2)]: '/blobs/b', [part(3)]: '/blobs/c' };
    expect(linked(cache).reads).toEqual([1, 2, 3].flatMap((number) => [part(number), cache[part(number)]]));
  });

  it('grants no folder for being named, and no writing', () => {
    expect(prepare(['public/']).reads).toEqual([]);
    expect(prepare(['./public']).warnings.join()).toMatch(/--read/);
    const cache = prepare(['--prompt-cache', 'cache.bin']);
    expect(cache.args).toEqual(['--prompt-cache', '/home/u/cache.bin']);
    expect(cache.reads).toEqual([]);
    expect(cache.warnings.join()).toMatch(/--write/);
    const granted = effective({ files: { write: ['/home/u'] } });
    expect(prepare(['--prompt-cache', 'cache.bin'], { effective: granted }).warnings).toEqual([]);
  });

  it('grants nothing where the policy says so', () => {
    const prepared = prepare(['-f', 'prompt.txt'], {
      effective: effective({ arguments: { grantFiles: false } }),
    });
    expect(prepared.reads).toEqual([]);
    expect(prepared.warnings.join()).toMatch(/grantFiles/);
  });

  it('appends what the policy appends', () => {
    const policy = effective({ arguments: { force: ['--nobrowser'] } });
    expect(prepare(['-p', 'hi'], { effective: policy }).args).toEqual(['-p', 'hi', '--nobrowser']);
  });

  it('changes nothing else, and only ever throws PaddockError', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('-m', '--host', '--port', '-l', '--listen', '--server', '0', '::1'),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), fc.string(), (args, dotArgs) => {
        try {
          const prepared = prepare(args, { dotArgs, paths: fakePaths([]) });
          expect(prepared.reads).toEqual([]);
          expect(prepared.args).toHaveLength(args.length);
        } catch (cause) {
          expect(cause).toBeInstanceOf(PaddockError);
        }
      }),
    );
  });
});

describe('denied flags', () => {
  it.each(['--rpc', '-rpc', '--rpc=1.2.3.4:5', '--tools'])('%s', (flag) => {
    expect(() => prepare([flag])).toThrow(/denies the flag/);
    expect(() => prepare([], { dotArgs: `-m\nx.gguf\n${flag}\n` })).toThrow(/denies the flag/);
  });

  it('names the line of the policy and where the flag was', () => {
    try {
      prepare([], { dotArgs: '--rpc x' });
      expect.unreachable();
    } catch (cause) {
      const { detail, code } = cause as PaddockError;
      expect(code).toBe('refused');
      expect(detail.where).toBe('/etc/paddock/policy.yaml:12 (arguments.deny)');
      expect(detail.found).toBe('--rpc in .args inside the file');
    }
  });

  // Each way of reading `.args` counts where the release is not known; where it is, only its own.
  it.each<[string, string, readonly string[]]>([
    ['an escape', '"\\x2d-rpc" x', ['0.8.17', '0.9.3', '0.10.6']],
    ['an octal escape', '"\\55\\055rpc"', ['0.9.3']],
    ['joined lines', '--r\\\npc', ['0.9.3']],
    ['joined lines and a comment', '--r\\\n#x\npc', ['0.9.3']],
    ['a variable that is not there', '--r$NOTHING\\\npc', ['0.9.3']],
    ['a variable that is', '"$FLAG"', ['0.9.3']],
    ['quotes in the middle', "--r'p'c", ['0.9.3']],
    ['a line that a shell would call a comment', "#'\n--rpc\n#'", ['0.6.2', '0.8.16', '0.9.3']],
    ['a line inside quotes', "-p '\n--rpc\n'", ['0.6.2', '0.8.16']],
    ['behind “...”', '...\n--rpc', ['0.6.2', '0.8.16', '0.9.3']],
  ])('%s, in .args of an unknown runtime and of %s', (_, dotArgs, versions) => {
    const environment = { FLAG: '--rpc' };
    const refused = (version?: string): boolean => {
      try {
        prepare([], { dotArgs, environment, ...(version === undefined ? {} : { version }) });
        return false;
      } catch (cause) {
        expect((cause as PaddockError).message).toMatch(/denies the flag/);
        return true;
      }
    };
    expect(refused()).toBe(true);
    const all = ['0.6.2', '0.8.16', '0.8.17', '0.9.3', '0.10.6'];
    for (const version of versions) expect(refused(version), version).toBe(true);
    const shell = all.slice(2);
    const others = versions.some((one) => shell.includes(one)) ? all.slice(0, 2) : shell;
    for (const version of others.filter((one) => !versions.includes(one)))
      expect(refused(version), version).toBe(false);
  });

  it('whatever the bytes, if a grammar sees it', () => {
    const piece = fc.constantFrom(
      '--rpc',
      '--r',
      'pc',
      '-',
      '\\x2d',
      '"',
      "'",
      '\\',
      '\n',
      ' ',
      '#',
      '...',
      '$X',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const dotArgs = pieces.join('');
        const seen = GRAMMARS.some((grammar) =>
          parseDotArgs(grammar, Buffer.from(dotArgs)).tokens.some(({ text }) => /^-+rpc(=|$)/.test(text)),
        );
        if (seen) expect(() => prepare([], { dotArgs })).toThrow(/denies the flag/);
        else expect(() => prepare([], { dotArgs })).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });

  it('but not in .args that the release leaves out', () => {
    expect(() => prepare(['-p', 'hi'], { dotArgs: '--rpc\n', version: '0.6.2' })).not.toThrow();
    expect(() => prepare(['-p', 'hi'], { dotArgs: '--rpc\n', version: '0.7' })).toThrow(/denies/);
    expect(() => prepare(['-p', 'hi'], { dotArgs: '--rpc\n' })).toThrow(/denies/);
  });

  it.each(['--rpcx', 'rpc', '-p', '---'])('but not %s', (word) => {
    expect(() => prepare([word])).not.toThrow();
  });
});

describe('what the policy appends', () => {
  const appending = effective({ arguments: { force: ['--gpu', 'disable'] } });

  it.each([undefined, '0.9.3'])('comes last, or nothing starts (%s)', (version) => {
    const more = { effective: appending, ...(version === undefined ? {} : { version }) };
    expect(prepare([], { ...more, dotArgs: '-c 0 ...' }).args).toEqual(['--gpu', 'disable']);
    expect(() => prepare([], { ...more, dotArgs: '... -c 0' })).toThrow(/last word/);
  });

  it.each([undefined, '0.9.3', '0.8.13'])('becomes no value of a flag of the file (%s)', (version) => {
    const more = { effective: appending, ...(version === undefined ? {} : { version }) };
    expect(() => prepare([], { ...more, dotArgs: '-c\n0\n-p\n' })).toThrow(/last word/);
    expect(() => prepare([], { ...more, dotArgs: '-c\n0\n-p' })).toThrow(/last word/);
    expect(() => prepare(['hi'], { ...more, dotArgs: '-c\n0\n-p\n' })).not.toThrow();
    expect(() => prepare([], { ...more, dotArgs: '-n\n-1\n' })).not.toThrow();
  });

  it('becomes no value of a flag of the user', () => {
    expect(() => prepare(['-p'], { effective: appending })).toThrow(/last word/);
    expect(() => prepare(['--mlock'], { effective: appending })).not.toThrow();
  });

  it('puts .args of old releases out of use, and says so', () => {
    const { warnings } = prepare([], { effective: appending, dotArgs: '-m\nx\n', version: '0.6.2' });
    expect(warnings.join()).toMatch(/ignores its own \.args/);
  });
});

it('.args that cannot be read are refused, whatever the policy says of findings', () => {
  const member = { ...dotArgsMember(Buffer.alloc(0)), bytes: undefined, fault: '70000 bytes' };
  expect(() =>
    prepareArguments({
      args: [],
      cwd: '/',
      dotArgs: [{ member: member.member, fault: member.fault }],
      members: new Set(),
      hasModel: false,
      effective: effective({ trust: { findings: 'record' } }),
      paths: PATHS,
    }),
  ).toThrow(/cannot be read/);
});

describe('network', () => {
  const model = { hasModel: true };
  const mode = (args: string[], more: More = {}) => {
    const { network } = prepare(args, more);
    return network.mode === 'none' ? 'none' : `${network.address}:${network.port}`;
  };

  it.each<[string[], More, string]>([
    [[], {}, 'none'],
    [[], model, '127.0.0.1:8080'],
    [['-m', 'sub/x.gguf'], {}, '127.0.0.1:8080'],
    [['-p', 'hi'], model, 'none'],
    [['--prompt=hi'], model, 'none'],
    [['--cli'], model, 'none'],
    [['--version'], model, 'none'],
    [['-h'], model, 'none'],
    [['--server', '-p', 'hi'], model, '127.0.0.1:8080'],
    [['--server', '--port', '9000'], {}, '127.0.0.1:9000'],
    [['--server', '--port=9000'], {}, '127.0.0.1:9000'],
    [['--port', '9000'], {}, '127.0.0.1:9000'],
    [['--server', '--host', '::1'], {}, '::1:8080'],
    [['--server', '--host', 'localhost'], {}, 'localhost:8080'],
    [['--server', '--v2', '--listen', '127.0.0.1:17726'], {}, '127.0.0.1:17726'],
    [['--server', '-l', '[::1]:9001'], {}, '::1:9001'],
    [['--server', '--port', '9000', '--port', '9001'], {}, '127.0.0.1:9001'],
    [[], { dotArgs: '--server\n--port\n9002\n' }, '127.0.0.1:9002'],
    [['--port', '9003'], { dotArgs: '--server --port 9002' }, '127.0.0.1:9003'],
    [['--server', '--host', '127.0.0.1'], { dotArgs: '--host\n0.0.0.0\n' }, '127.0.0.1:8080'],
    [[], { ...model, dotArgs: '--cli' }, 'none'],
    [[], { ...model, dotArgs: '--cli', version: '0.8.17' }, 'none'],
    [[], { ...model, dotArgs: '--cli', version: '0.9.3' }, '127.0.0.1:8080'], // read too late to choose
    [['--cli'], { ...model, dotArgs: '', version: '0.9.3' }, 'none'],
    [[], { ...model, dotArgs: '--cli', version: '0.10.0' }, 'none'],
    [['-l', 'folder'], {}, 'none'], // some other program's -l
    [['--server'], { effective: effective({ network: { mode: 'none' } }) }, 'none'],
    [['-p', 'hi'], { effective: effective({ network: { mode: 'serve' } }) }, '127.0.0.1:8080'],
    [
      ['--server', '--host', '0.0.0.0'],
      { effective: effective({ network: { listen: ['0.0.0.0'] } }) },
      '0.0.0.0:8080',
    ],
  ])('%j %j → %s', (args, more, expected) => {
    expect(mode(args, more)).toBe(expected);
  });

  it('binds both loopbacks for localhost, else exactly one address', () => {
    const both = prepare(['--server', '--host', 'localhost']).network;
    expect(both.mode === 'serve' && both.binds.map(({ family }) => family)).toEqual([2, 10]);
    const one = prepare(['--server']).network;
    expect(one.mode === 'serve' && one.binds.map(({ bytes }) => [...bytes])).toEqual([[127, 0, 0, 1]]);
  });

  it.each<[string[], RegExp]>([
    [['--server', '--host', '0.0.0.0'], /does not let a server listen on 0\.0\.0\.0/],
    [['--server', '--host', '::'], /does not let a server listen/],
    [['--server', '--host', '192.168.1.5'], /does not let a server listen/],
    [['--server', '--host', '::ffff:127.0.0.1'], /does not let a server listen/],
    [['--server', '--host', 'example.com'], /no address/],
    [['--server', '--host', ''], /no address/],
    [['--server', '--port', '0'], /no port/],
    [['--server', '--port', '70000'], /no port/],
    [['--server', '--port', '80a'], /no port/],
    [['--server', '--port', '80'], /does not let a server listen on port 80/],
    [['--server', '--listen', '0.0.0.0:8080'], /does not let a server listen/],
  ])('%j is refused', (args, message) => {
    expect(() => prepare(args)).toThrow(message);
  });

  it('says when it was the file that asked, and how to override it', () => {
    try {
      prepare([], { ...model, dotArgs: '--host\n0.0.0.0\n' });
      expect.unreachable();
    } catch (cause) {
      expect((cause as PaddockError).explain()).toMatch(/asked for by \.args/);
      expect((cause as PaddockError).detail.remedy).toMatch(/--host 127\.0\.0\.1/);
    }
  });

  it('must be allowed by every way to read .args, and opens for the newest', () => {
    const twice = (port: string) => `--port\n9001\n#\n--port ${port}\n`;
    expect(mode([], { ...model, dotArgs: twice('9002') })).toBe('127.0.0.1:9002');
    expect(mode([], { ...model, dotArgs: twice('9002'), version: '0.8.13' })).toBe('127.0.0.1:9001');
    expect(() => mode([], { ...model, dotArgs: '--host "\\x30.0.0.0"' })).toThrow(/0\.0\.0\.0/);
    expect(() => mode([], { ...model, dotArgs: "#'\n--host\n0.0.0.0\n" })).toThrow(/0\.0\.0\.0/);
    const { warnings } = prepare([], { ...model, dotArgs: twice('9002') });
    expect(warnings.join()).toMatch(/old releases/);
  });

  it('is the file’s where .args has the last word', () => {
    expect(() => mode(['--host', '127.0.0.1'], { ...model, dotArgs: '... --host 0.0.0.0' })).toThrow(
      /0\.0\.0\.0/,
    );
  });

  it('warns when a server is asked for and the policy has no network', () => {
    const { warnings } = prepare(['--server'], { effective: effective({ network: { mode: 'none' } }) });
    expect(warnings.join()).toMatch(/network\.mode: none/);
  });
});
