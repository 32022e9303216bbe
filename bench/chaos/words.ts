/** Words that every customer of a run says, so that one can look where they can be read. */
export const WORDS = "my secret is 4711";
