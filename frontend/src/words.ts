/** Sentences for scripts: the server writes them into `<template id="words">` in the reader's language. */
const table = new Map<string, string>();
const holder = document.querySelector<HTMLTemplateElement>("template#words");
holder?.content.querySelectorAll<HTMLElement>("[data-k]").forEach((item) => {
  table.set(item.dataset["k"] ?? "", item.textContent ?? "");
});

/** Returns a sentence with `{name}` filled in; empty when the page brought none. */
export function word(key: string, args: Record<string, string | number> = {}): string {
  return (table.get(key) ?? "").replace(/\{(\w+)\}/g, (whole, name: string) => String(args[name] ?? whole));
}
