/** What is said where a playbook has no words of its own. Overridden slot by slot. */
export const TEXTS = {
  refuse:
    'I can only talk about orders on your own account, and I don\'t find {{ refused | list "or" }} among them.',
  whichAmong: 'I see {{ candidates | plural "order" "orders" }} on your account that it could be about:',
  which: "Which one do you mean? The order number or an item is enough.",
  whichAgain: "Sorry, I couldn't tell which one you mean.",
  offer: "Instead of the {{ item.name }} I can offer:\n{{ pool | variants }}\nWhich one would you like?",
  offerAgain:
    "Sorry, I don't have one like that. For the {{ item.name }} there is:\n{{ pool | variants }}\nWhich one would you like?",
  approval: "A colleague has to approve this first. I'll tell you here as soon as it is decided.",
  reprompt: "Sorry, I didn't catch that.",
  confirmAgain: "Sorry, I need a clear yes or no before I do anything.",
} as const;
