/** The journey's form, as the elements of a step use it. */
export function formOf(element: Element): HTMLFormElement | null {
  return element.closest("form") ?? document.querySelector<HTMLFormElement>("form#act");
}

/** Fills a hidden field of the step; false when the step asks for no such thing. */
export function fill(form: HTMLFormElement, name: string, value: string): boolean {
  const field = form.elements.namedItem(name);
  if (!(field instanceof HTMLInputElement)) return false;
  field.value = value;
  return true;
}

/** Sends the form by one of its buttons, made when the page shows none. */
export function send(form: HTMLFormElement, action: string): void {
  let button = form.querySelector<HTMLButtonElement>(`button[name=action][value="${action}"]`);
  if (!button) {
    button = document.createElement("button");
    button.name = "action";
    button.value = action;
    button.hidden = true;
    form.append(button);
  }
  const pressed = button;
  // Never from within the sending that is being held back: the browser would take no notice.
  setTimeout(() => form.requestSubmit(pressed));
}

/** Shows a sentence in the element's `[data-error]`, or hides it. */
export function complain(element: Element, text: string): void {
  const place = element.querySelector<HTMLElement>("[data-error]");
  if (!place) return;
  const said = place.querySelector("span") ?? place;
  said.textContent = text;
  place.hidden = text === "";
}
