import { isJsonObject, type Json } from '#base';

/** The objects of a list that an import kept verbatim. */
export function jsonObjects(value: Json | undefined): { readonly [key: string]: Json }[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** The texts of a list that an import kept verbatim. */
export function jsonTexts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The text, or undefined when it is empty or something else. */
export function jsonText(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The number, or undefined. */
export function jsonNumber(value: Json | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
