import { useNamespaces } from './harness.ts';

// What the gate does is the same inside namespaces: every test of these files once more.
useNamespaces();
await import('./run.test.ts');
await import('./control.test.ts');
await import('./notify.test.ts');
await import('./landlock.test.ts');
