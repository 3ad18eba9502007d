import { suite } from './suite.ts';

suite({ title: 'attacks by a plain user inside namespaces', uid: 65534, namespaces: true });
