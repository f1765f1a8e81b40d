// Which program the script sees, and how it is written.
//
// Every difference between two surfaces asks here: a run that was recorded
// under an older one must meet what it met then.

let current = 1;
let body = false;

/** Once per script, before any of the author's code runs. */
export const useSurface = (surface, isBody) => {
  current = surface;
  body = isBody;
};

/** Whether the script sees at least this surface. */
export const sees = (surface) => current >= surface;

/** Whether it is a body that follows Claude Code's runtime. */
export const isModernBody = () => body && current >= 2;
