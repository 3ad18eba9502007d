// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is the syntax under test
import type { ARG } from '../../../src/integrity/catalogue/arg.ts';
import type { Case, CheckCases } from '../case.ts';
import { withArgs } from '../known-release.ts';

const of = (is: string, args: string | Buffer, version?: string, given = {}): Case => ({
  is: version === undefined ? is : `${is}, in ${version}`,
  judged: () => withArgs(args, version, given),
});
const giving = (user: string[], append: string[] = []) => ({ arguments: { user, append } });

export const ARG_CASES: Readonly<Record<keyof typeof ARG, CheckCases>> = {
  'ARG-001': {
    triggers: [
      of('a NUL', '-c\n0\n\0--rpc\n'),
      of('an escape character', '-p\n\x1b[2J\n'),
      of('bytes that are not UTF-8', Buffer.from([0x2d, 0x70, 0x0a, 0xff])),
      of('more than 64 KiB', '-p\n'.padEnd(65_537, 'x')),
      of('more than 64 KiB, compressed', '-p\n'.padEnd(65_537, 'x'), undefined, { method: 'deflated' }),
    ],
    almost: [
      of('64 KiB', '-p\n'.padEnd(65_536, 'x')),
      of('CRLF, tabs, no newline at the end', '-p\r\n\thi'),
      of('other letters', '-p\nWas kostet 5 €? 猫\n'),
    ],
  },
  'ARG-003': {
    triggers: [
      of('a variable', '-p $HOME\n'),
      of('one in braces and quotes', '-p "${HOME}"', '0.9.3'),
      of('a price without quotes', '-p cost$5', '0.8.17'),
    ],
    almost: [
      of('a release that takes a dollar as it is', '-p\n$HOME\n', '0.8.16'),
      of('single quotes', "-p 'cost $5'", '0.9.3'),
      of('a dollar alone', '-p 5$ $-', '0.9.3'),
    ],
  },
  'ARG-004': {
    triggers: [
      of('arguments behind it', '-c 0 ... --temp 0', '0.9.3'),
      of('two of them', '... -c 0 ...', '0.9.3'),
      of('one that is an argument of three dots', '...\n-c\n0\n', '0.8.13'),
      of('arguments behind it', '-c\n0\n...\n--temp\n0\n'),
    ],
    almost: [
      of('one at the end', '-c\n0\n...\n'),
      of('one at the end of a line', '-c 0 ...', '0.10.0'),
      of('one in quotes', '"..." -c 0', '0.9.3'),
      of('other dots', '....\n..', '0.6.2'),
    ],
  },
  'ARG-010': {
    triggers: [
      of('the flag', '-c\n0\n--unsecure\n...\n', '0.6.2'),
      of('an escape that hides it', '"\\x2d-unsecure"', '0.9.3'),
      of('an octal one', '"\\55\\055rpc" 10.0.0.1:50052', '0.9.3'),
      of('lines that are joined', '--unse\\\ncure', '0.9.3'),
      of('a variable that is not there', '--r${NOTHING}pc x', '0.9.3'),
      of('a value behind =', '--tools=all', '0.10.4'),
      of('one dash, and underscores', '-webui_mcp_proxy', '0.10.4'),
      of('a flag of a later version', '--tools-remote x', '0.10.4'),
      of('a file of further flags', '--models-preset preset.ini', '0.10.4'),
      of('one that only some grammars see', '"\\x2d-unsecure"\n'),
      of('one that only old grammars see', "# it's\n--trap\n-p\n'\n"),
      of('one behind the user’s', '... --recompile', '0.9.3', giving(['-p', 'hi'])),
    ],
    almost: [
      of('an escape that is none to this release', '"\\x2d-unsecure"\n', '0.8.13'),
      of('lines that this release does not join', '--unse\\\ncure', '0.8.13'),
      of('a comment', '# --unsecure\n-c 0', '0.9.3'),
      of('quotes around a sentence', "-p 'never say --rpc to a llama'", '0.9.3'),
      of('a longer word', '--unsecured\n--rpcs', undefined),
      of('.args that are left out', '--unsecure\n', '0.6.2', giving(['-p', 'hi'])),
      of('the user’s own flag', '-c\n0\n...\n', '0.9.3', giving(['--unsecure'])),
    ],
  },
  'ARG-011': {
    triggers: [
      of('an absolute path', '-m\n/home/you/model.gguf\n'),
      of('a way up', '-m\n../x.gguf\n', '0.8.13'),
      of('a way up inside', '--mmproj sub/../../x.gguf', '0.9.3'),
      of('another container', '-m\nother.llamafile@model.gguf\n', '0.8.13'),
      of('somebody’s home', '-f ~/notes', '0.9.3'),
      of('a variable', '-f $HOME/notes', '0.9.3'),
      of('a path behind =', '--lora=/tmp/x', '0.10.0'),
      of('the second of a list', '--lora model.gguf,/tmp/x:0.5', '0.10.4'),
      of('a way out of the archive', '--path\n/zip/../etc\n'),
      of('a log', '--log-file /var/log/x', '0.9.3'),
      of('a drive', '-m\nC:\\model.gguf\n', '0.8.13'),
      of('the environment of the program', '-f /proc/self/environ', '0.9.3'),
    ],
    almost: [
      of('a member', '-m\nmodel.gguf\n'),
      of('a member by its full name', '-m\n/zip/model.gguf\n'),
      of('a name that is nowhere', '-m\nother.gguf\n'),
      of('the standard input', '-f\n/dev/stdin\n-f\n-\n'),
      of('a prompt', '-p\n/etc/passwd and ../..\n', '0.8.13'),
      of('an address', '-r\nme@example.org\n', '0.8.13'),
      of('the user’s own path', '-m\nmodel.gguf\n...\n', '0.9.3', giving(['-m', '/home/me/x.gguf'])),
      of('dots in a name', '-m\nmodel..v2.gguf\n'),
    ],
  },
  'ARG-012': {
    triggers: [
      of('every address', '--host\n0.0.0.0\n'),
      of('every address of IPv6', '--host ::', '0.9.3'),
      of('one of several', '--host 127.0.0.1,10.0.0.1', '0.10.4'),
      of('a name', '--host\nmy-machine\n', '0.8.13'),
      of('a socket', '--host /tmp/x.sock', '0.10.4'),
      of('the other server', '--server --v2 --listen 0.0.0.0:8080', '0.9.3'),
      of('its short name', '--server --v2 -l 0.0.0.0:8080', '0.9.3'),
      of('one that seems to be overridden', '--listen 0.0.0.0:80 -p --listen 127.0.0.1:80', '0.9.3'),
      of('one behind the user’s', '... --host 0.0.0.0', '0.9.3', giving(['--host', '127.0.0.1'])),
    ],
    almost: [
      of('loopback', '--host\n127.0.0.1\n--port\n8080\n'),
      of('loopback by name', '--host localhost', '0.9.3'),
      of('loopback of IPv6', '--listen [::1]:8080', '0.9.3'),
      of('the user overrides it', '--host\n0.0.0.0\n', '0.8.13', giving(['--host', '127.0.0.1'])),
      of('the user overrides it at “...”', '--host 0.0.0.0 ...', undefined, giving(['--host', '127.0.0.1'])),
      of('.args that are left out', '--host\n0.0.0.0\n', '0.6.2', giving(['-p', 'hi'])),
      of('a bias of a token', '-l\n15043+1\n'),
    ],
  },
  'ARG-013': {
    triggers: [of('layers', '-ngl\n9999\n'), of('a GPU', '--gpu auto', '0.9.3')],
    almost: [
      of('none', '-ngl\n0\n--gpu\ndisable\n'),
      of('the user’s', '...', '0.9.3', giving(['-ngl', '9'])),
    ],
  },
  'ARG-014': {
    triggers: [
      of('a flag of nobody', '--frobnicate 7', '0.9.3'),
      of('a flag of later', '--url-prefix\n/x\n', '0.8.13'),
      of('a flag of before', '--chatml\n', '0.8.13'),
    ],
    almost: [
      of('an unknown runtime', '--frobnicate 7'),
      of('a release whose flags are not all known', '--frobnicate 7', '0.10.4'),
      of('a value that looks like one', '--temp -1 -n -2 -r --frobnicate', '0.9.3'),
      of('underscores', '--ctx_size 7', '0.9.3'),
      of('the user’s', '...', '0.9.3', giving(['--frobnicate'])),
      of(
        'what is usual',
        '-m\nmodel.gguf\n-c\n0\n-ngl\n9999\n--temp\n0\n-r\n</s>\n-p\nhi\n--host\n127.0.0.1\n--nobrowser\n...\n',
        '0.6.2',
      ),
    ],
  },
  'ARG-015': {
    triggers: [
      of('a cache', '--prompt-cache\ncache.bin\n'),
      of('a folder', '--path\npublic\n', '0.8.13'),
      of('a key', '--api-key\nsecret\n', '0.8.13'),
      of('trust', '--trust 0.0.0.0/0', '0.9.3'),
    ],
    almost: [
      of('a folder of the archive', '--path\n/zip/public\n', '0.8.13'),
      of('nothing to write to', '--log-file /dev/null', '0.9.3'),
      of('the user’s', '...', '0.9.3', giving(['--api-key', 'x'])),
    ],
  },
  'ARG-020': {
    triggers: [
      of('an argument behind those of the policy', '... --temp 0', '0.9.3', giving([], ['--gpu', 'disable'])),
      of('the same for an unknown runtime', '...\n--temp\n0\n', undefined, giving([], ['--gpu', 'disable'])),
      of('a flag whose value they become', '-c 0 -p', '0.9.3', giving([], ['--log-disable'])),
      of(
        'a flag that nobody knows, in front of them',
        '-c 0 --odd ...',
        undefined,
        giving([], ['--log-disable']),
      ),
    ],
    almost: [
      of(
        'a release that puts them at the end',
        '...\n--temp\n0\n',
        '0.8.13',
        giving([], ['--gpu', 'disable']),
      ),
      of('a policy that appends nothing', '... --temp 0', '0.9.3', giving(['-c', '0'])),
      of('nothing behind “...”', '--temp 0 ...', '0.9.3', giving([], ['--gpu', 'disable'])),
      of('a value that looks like a flag', '-n -1 ...', '0.9.3', giving([], ['--gpu', 'disable'])),
      of('a flag without a value', '-c 0 --mlock ...', '0.9.3', giving([], ['--gpu', 'disable'])),
      of('the user’s argument in between', '-c 0 -p ...', '0.9.3', giving(['hi'], ['--gpu', 'disable'])),
    ],
  },
};
