import { readdirSync, readFileSync } from 'node:fs';
import type { AnySchemaObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EXPECTED } from '../../src/policy/expected.ts';
import { policyJsonSchema } from '../../src/policy/json-schema.ts';
import { LEAVES, leafPath, nameInFile } from '../../src/policy/layer.ts';

const root = new URL('../../', import.meta.url);
const schema = policyJsonSchema();
const validate = new Ajv2020({ strict: true, strictTypes: false, allErrors: true }).compile(
  schema as AnySchemaObject,
);

describe('the JSON Schema of policies', () => {
  it('is the published one (`npx paddock policy schema > docs/schemas/policy-v1.schema.json`)', () => {
    const published = readFileSync(new URL('docs/schemas/policy-v1.schema.json', root), 'utf8');
    expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  it('accepts the shipped policies', () => {
    const names = readdirSync(new URL('policies/', root)).filter((name) => /^[\w-]+\.yaml$/.test(name));
    expect(names.length).toBeGreaterThanOrEqual(6);
    for (const name of names) {
      validate(parse(readFileSync(new URL(`policies/${name}`, root), 'utf8')));
      expect(validate.errors ?? [], name).toEqual([]);
    }
  });

  it.each<[unknown]>([
    [{}],
    [{ apiVersion: 'paddock/v2' }],
    [{ apiVersion: 'paddock/v1', limits: { memroy: '4GiB' } }],
    [{ apiVersion: 'paddock/v1', watch: { exec: 'stop' } }],
    [{ apiVersion: 'paddock/v1', files: { read: ['relative'] } }],
    [{ apiVersion: 'paddock/v1', arguments: { bounds: { '--ctx-size': { most: 1 } } } }],
  ])('refuses %j', (value) => {
    expect(validate(value)).toBe(false);
  });

  it('says of every value what is expected', () => {
    const properties = (of: unknown): Record<string, { description?: string }> =>
      (of as { properties: Record<string, never> }).properties;
    for (const [part, leaf] of LEAVES) {
      const [first = '', second] = nameInFile(leafPath(part, leaf)).split('.');
      const top = properties(schema)[first];
      const at = second === undefined ? top : properties(top)[second];
      expect(at?.description, `${first}.${second}`).toBe(
        EXPECTED[second === undefined ? first : `${first}.${second}`],
      );
      expect(at?.description).toMatch(/./);
    }
  });
});
