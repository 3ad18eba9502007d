import { suite } from './suite.ts';

suite({ title: 'attacks inside namespaces', uid: process.getuid?.() ?? -1, namespaces: true });
