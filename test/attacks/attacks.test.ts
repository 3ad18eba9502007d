import { suite } from './suite.ts';

suite({ title: 'attacks', uid: process.getuid?.() ?? -1 });
