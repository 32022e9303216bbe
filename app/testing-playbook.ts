/** A playbook of tests in several versions: it tells the opening hours, which differ from version to version. */

/** @param rest how it goes. Default: it tells them at once */
export function shopHours(
  version: number,
  rest = `steps:
  - say: "By version ${version} of our hours we open at ${version + 7}."
  - end: resolved
`,
): string {
  return `playbook: shop-hours
version: ${version}
title: Tell the opening hours
description: Says when the shop is open.
intents:
  shop_hours:
    examples:
      - when are you open
      - what are your opening hours
      - at what time does the shop open
      - is the shop open on sunday
      - until when is the shop open today
      - opening hours please
      - when do you close
      - are you open tomorrow
verify: false
cues: [open, close, hours]
${rest}`;
}
