/** Java's `String.hashCode`: 31·h + UTF-16 unit, wrapped to int32. The index file and tag codes are built on it. */
export function hashCode(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}

/** Consume queue value of a message with these TAGS: the hash, int32; 0 when there is none. */
export const tagsCode = (tags: string | undefined): number => (tags === undefined ? 0 : hashCode(tags));
