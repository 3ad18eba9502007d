import { describe, expect, it } from 'vitest';
import { commandLines } from '../../src/integrity/dot-args.ts';
import { shownCommandLines } from '../../src/report/arguments.ts';
import { dotArgsMember } from '../launch/fixtures.ts';

const shown = (dotArgs: string, version?: string, user: string[] = []) =>
  shownCommandLines(commandLines([dotArgsMember(Buffer.from(dotArgs))], version, { user }), version);
const rows = (dotArgs: string, version?: string, user: string[] = []): string[][] =>
  shown(dotArgs, version, user).map(({ tokens }) => tokens.map(({ text, origin }) => `${text} | ${origin}`));

describe('a command line', () => {
  it('is shown once where all releases agree, with the place of the user’s arguments', () => {
    expect(shown('-c\n0\n...\n').map(({ title }) => title)).toEqual(['however .args is read']);
    expect(rows('-c\n0\n...\n')).toEqual([['-c | .args, line 1', '0 | .args, line 2', ' | your arguments']]);
  });

  it('is shown for each way to read it where they differ', () => {
    const lines = shown('-c 0 # x\n');
    expect(lines.map(({ title }) => title)).toEqual([
      'as releases since 0.8.17 read .args',
      'as releases 0.7 to 0.8.16 read .args',
      'as releases before 0.7 read .args',
    ]);
    expect(lines.map(({ tokens }) => tokens[0]?.text)).toEqual(['-c', '-c 0 # x', '-c 0 # x']);
    expect(lines[2]?.tokens[1]?.origin).toMatch(/left out then/);
  });

  it('is that of the identified release', () => {
    expect(shown('-c 0 # x\n', '0.9.3').map(({ title }) => title)).toEqual([
      'as llamafile 0.9.3 reads .args',
    ]);
    expect(rows('-p $HOME\n... "\\x2dngl" 9', '0.9.3')).toEqual([
      [
        '-p | .args, line 1',
        ' | .args, line 1, with $HOME',
        ' | your arguments',
        '-ngl | .args, line 2',
        '9 | .args, line 2',
      ],
    ]);
  });

  it('has the user’s arguments where they are known', () => {
    expect(rows('-c\n0\n', '0.8.13', ['-p'])).toEqual([
      ['-c | .args, line 1', '0 | .args, line 2', '-p | the command line, argument 1'],
    ]);
    expect(rows('-c\n0\n', '0.6.2', ['-p'])).toEqual([['-p | the command line, argument 1']]);
  });

  it('says what a flag does that is not benign', () => {
    const [line] = shown('--temp\n0\n--unsecure\n...\n');
    expect(line?.tokens.map(({ note }) => note !== '')).toEqual([false, false, true, false]);
  });
});
