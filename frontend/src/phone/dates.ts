/** A date in Korea, in the language of the page. */
export function writeDay(day: Date): string {
  const english = document.documentElement.lang === "en";
  const shape: Intl.DateTimeFormatOptions = { year: "numeric", month: "long", day: "numeric", timeZone: "Asia/Seoul" };
  return new Intl.DateTimeFormat(english ? "en-GB" : "ko-KR", shape).format(day);
}
