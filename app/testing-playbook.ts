/** A playbook of tests in several versions: it tells the opening hours, which differ from version to version. */

/** @param rest from `verify` on: how it goes */
export function shopHours(version: number, rest: string): string {
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
${rest}`;
}
