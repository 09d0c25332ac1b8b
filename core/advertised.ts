/** Draft: rules of `advertisedAddresses`. */

/** What is allowed when `value` is not a list of rules; undefined when it is. */
export function advertisedAddressRules(_value: string): string | undefined {
  return undefined;
}
