import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [
    {
      // Data files are bundled as text, as esbuild does for the product.
      name: 'text-files',
      enforce: 'pre',
      load(id: string) {
        const path = id.split('?')[0] ?? id;
        if (!/\.(tsv|yaml)$/.test(path)) return null;
        return `export default ${JSON.stringify(readFileSync(path, 'utf8'))};`;
      },
    },
  ],
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // The attacks mostly wait for each other; one core less, which is what vitest takes, would be half of a small machine.
    maxWorkers: Math.max(2, availableParallelism()),
  },
});
