/** Permission bits of topics, queues and brokers (`PermName`). */

/** Queues are read in the order of their numbers (message.type PRIORITY). */
export const PERM_PRIORITY = 8;
export const PERM_READ = 4;
export const PERM_WRITE = 2;
/** New topics may be made after this one. */
export const PERM_INHERIT = 1;
export const PERM_MAX = PERM_PRIORITY | PERM_READ | PERM_WRITE | PERM_INHERIT;
