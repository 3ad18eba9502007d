/** Names of the shipped policies (policies/NAME.yaml). */
export const PRESETS = ['default', 'strict', 'audit', 'shared-server', 'offline-chat', 'gpu-server'] as const;
