// What of a locale's rules can be done right without its data: English order,
// English grouping of numbers, English dates in UTC. Whatever else is asked for
// throws, so that no list is in another order and no text another than the
// author meant.

import {
  BigIntProto, DateProto, NumberOf, NumberProto, RangeErrorClass, StringOf, StringProto, apply, charCode,
  data, defineProperty, dateField, find, isArray, normalize, lowerCase, substring, typedDate, upperCase,
} from "smol:primordials";

const refuse = (what) => {
  throw new RangeErrorClass(what + "; a workflow has no locale data besides English");
};

const ENGLISH = ["en", "en-US", "en-GB", "en-CA", "en-AU"];
// Their letters have the order of the root collation, which is that of English.
const SAME_ORDER = ["en", "de", "fr", "it", "nl", "pt", "und"];

const isOneOf = (list, value) => {
  for (let index = 0; index < list.length; index++) if (list[index] === value) return true;
  return false;
};

const localeOf = (locales) => {
  const first = isArray(locales) ? locales[0] : locales;
  return first === undefined ? "en-US" : StringOf(first);
};

const languageOf = (locale) => {
  const dash = find(locale, "-");
  return dash < 0 ? locale : substring(locale, 0, dash);
};

const only = (what, options, known) => {
  if (options === undefined || options === null) return {};
  for (const name in options) {
    if (options[name] !== undefined && !isOneOf(known, name)) refuse(what + " does not know the option `" + name + "`");
  }
  return options;
};

// Order of the root collation among signs; digits and then letters follow.
const SIGNS = "\t\n\v\f\r _-–—,;:!¡?¿.·'‹›\"«»()[]{}§¶@*/\\&#%‰†‡•`´^¯¨¸°©®←→↑↓↔⇐⇒⇔+±÷×<=>¬|¦~√∞≈≤≥■□▪▫▲△▶▷▼▽◀◁◆◇○●★☆☐☑☒⚠⚡✓✔✗✘❌❓❗➜➤¤¢$£¥€₹₽₿";
// The same among letters that are none of another with a mark.
const LATIN = "abƀƃcȼƈdȸƌȡeɇǝfƒgǥƣhƕiıjȷɉkƙlǉƚȴƛmnǌƞȵŋoȣpƥqȹɋĸrɍsßȿƪtƾŧƫƭȶuvwxyɏƴȝzƍƶȥɀƹƺþƿƻƨƽƅɂŉǀǁǂǃµ";
const EXPANDED = { __proto__: null, "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ħ": "h" };

// Marks in their order on the second level; those that are not here follow. What
// tells a letter with a stroke from the bare one counts as a mark, and what tells a
// ligature from its letters as the last of all.
const MARKS = "\u0301\u0300\u0306\u0302\u030c\u030a\u0308\u030b\u0303\u0307\u0338\u0327\u0328\u0304";
const RANKS = "\u0002\u0003\u0004\u0005\u0006\u0007\u0008\u0009\u000a\u000b\u000c\u000d\u000e\u000f";
const STROKE = "\u000c";
const LIGATURE = "\uffff";

const isDigit = (code) => code >= 48 && code <= 57;
const isMark = (code) => code >= 0x300 && code <= 0x36f;

const within = (code, ranges) => {
  for (let at = 0; at < ranges.length; at += 2) if (code >= ranges[at] && code <= ranges[at + 1]) return true;
  return false;
};

// What counts for nothing: controls, joiners, variants of emoji.
const IGNORED = [0, 8, 0x0e, 0x1f, 0x7f, 0x9f, 0xad, 0xad, 0x200b, 0x200f, 0x2060, 0x2064, 0xfe00, 0xfe0f, 0xfeff, 0xfeff];
// Letters behind the Latin ones whose order is that of their numbers: α to ω but
// for the final sigma, а to я, and what Korean syllables consist of.
const IN_ORDER = [0x3b1, 0x3c1, 0x3c3, 0x3c9, 0x430, 0x44f, 0x1100, 0x11ff];
// Signs whose order is not known here, other than that they come before digits;
// and halves of emoji.
const OTHER_SIGNS = [
  0x2010, 0x205e, 0x20a0, 0x20bf, 0x2190, 0x23ff, 0x2500, 0x2775, 0x2794, 0x2bff, 0x3001, 0x3004, 0x3008, 0x3020, 0xd83c, 0xd83e,
];
// Letters of which only that is known that they come behind Latin ones: Greek,
// Cyrillic, Hebrew, Arabic, scripts of India, kana, Chinese.
const OTHER_LETTERS = [
  0x3b1, 0x3ff, 0x430, 0x45f, 0x5d0, 0x5ea, 0x620, 0x64a, 0x904, 0xd7f, 0x3041, 0x3093, 0x30a1, 0x30f3, 0x4e00, 0x9fff,
];

const SIGN = 0;
const NUMERAL = 1;
const LETTER = 2;
const UNKNOWN = 3;

// The letter at `at` on the first level; digits of a number count as one when asked
// to. Without a `value` only its rank is known.
const weigh = (text, at, numeric) => {
  const code = charCode(text, at);
  if (isDigit(code)) {
    let end = at + 1;
    if (numeric) while (end < text.length && isDigit(charCode(text, end))) end++;
    return { __proto__: null, rank: NUMERAL, char: substring(text, at, end), length: end - at };
  }
  const isPair = code >= 0xd800 && code <= 0xdbff && at + 1 < text.length;
  const length = isPair ? 2 : 1;
  const char = substring(text, at, at + length);
  const sign = find(SIGNS, char);
  if (sign >= 0) return { __proto__: null, rank: SIGN, char, value: sign, length };
  const latin = find(LATIN, char);
  if (latin >= 0) return { __proto__: null, rank: LETTER, char, value: latin, length };
  if (within(code, IN_ORDER)) return { __proto__: null, rank: LETTER, char, value: code, length };
  const rank = within(code, OTHER_SIGNS) ? SIGN : within(code, OTHER_LETTERS) ? LETTER : UNKNOWN;
  return { __proto__: null, rank, char, value: undefined, length };
};

const unordered = (one, other) => {
  const char = one.value === undefined && one.rank !== NUMERAL ? one.char : other.char;
  return refuse("localeCompare() does not know the order of `" + char + "`");
};

const isLatin = (letter) => letter.value !== undefined && letter.value < LATIN.length;

const byWeight = (one, other) => {
  if (one.char === other.char) return 0;
  if (one.rank === UNKNOWN || other.rank === UNKNOWN) return unordered(one, other);
  if (one.rank !== other.rank) return one.rank - other.rank;
  if (one.rank === NUMERAL) {
    if (one.length !== other.length) return one.length - other.length;
    return one.char < other.char ? -1 : 1;
  }
  if (one.value !== undefined && other.value !== undefined) return one.value - other.value;
  if (one.rank === LETTER && isLatin(one) !== isLatin(other)) return isLatin(one) ? -1 : 1;
  return unordered(one, other);
};

// Base letters in lower case, with the marks and the case of each beside them.
// Zeros before a number that counts as one count for nothing.
const levels = (text, numeric) => {
  const split = normalize(text, "NFD");
  let base = "";
  let marks = "";
  let cases = "";
  let before = 0;
  for (let at = 0; at < split.length; at++) {
    const char = substring(split, at, at + 1);
    const code = charCode(char, 0);
    if (isMark(code)) {
      const rank = find(MARKS, char);
      marks += rank < 0 ? char : substring(RANKS, rank, rank + 1);
      continue;
    }
    if (within(code, IGNORED)) continue;
    const leads = numeric && code === 48 && !isDigit(before);
    if (leads && at + 1 < split.length && isDigit(charCode(split, at + 1))) continue;
    before = code;
    const lower = lowerCase(char);
    // A letter of its own, unlike others with a mark.
    if (lower === "и" && charCode(split, at + 1) === 0x306) {
      base += "й";
      marks += "\u0001";
      cases += lower === char ? "0" : "1";
      at++;
      continue;
    }
    const expanded = EXPANDED[lower];
    const isLigature = expanded !== undefined && expanded.length > 1;
    const isLower = lower === char;
    base += expanded === undefined ? lower : expanded;
    marks += expanded === undefined ? "\u0001" : isLigature ? "\u0001" + LIGATURE + "\u0001" : "\u0001" + STROKE;
    cases += isLigature ? (isLower ? "00" : "11") : isLower ? "0" : "1";
  }
  return { __proto__: null, base, marks, cases };
};

const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

const compareBase = (one, other, numeric) => {
  let left = 0;
  let right = 0;
  while (left < one.length && right < other.length) {
    const here = weigh(one, left, numeric);
    const there = weigh(other, right, numeric);
    const found = byWeight(here, there);
    if (found !== 0) return found < 0 ? -1 : 1;
    left += here.length;
    right += there.length;
  }
  return order(one.length - left, other.length - right);
};

const COLLATOR = ["numeric", "sensitivity", "usage", "localeMatcher", "caseFirst", "ignorePunctuation"];
const SENSITIVITIES = ["base", "accent", "case", "variant"];

const localeCompare = function (that, locales, options) {
  if (this === undefined || this === null) refuse("localeCompare() needs a text");
  const language = languageOf(localeOf(locales));
  if (!isOneOf(SAME_ORDER, language)) refuse("localeCompare() does not know the order of `" + language + "`");
  const asked = only("localeCompare()", options, COLLATOR);
  const sensitivity = asked.sensitivity === undefined ? "variant" : StringOf(asked.sensitivity);
  if (!isOneOf(SENSITIVITIES, sensitivity)) refuse("localeCompare() does not know the sensitivity `" + sensitivity + "`");
  if (asked.ignorePunctuation) refuse("localeCompare() cannot ignore punctuation");
  const upperFirst = asked.caseFirst === "upper";
  const left = StringOf(this);
  const right = StringOf(that);
  if (left === right) return 0;
  const numeric = asked.numeric === true;
  const one = levels(left, numeric);
  const other = levels(right, numeric);
  const base = compareBase(one.base, other.base, numeric);
  if (base !== 0) return base;
  const accents = sensitivity === "accent" || sensitivity === "variant" ? order(one.marks, other.marks) : 0;
  if (accents !== 0) return accents;
  if (sensitivity === "base" || sensitivity === "accent") return 0;
  const cases = order(one.cases, other.cases);
  return upperFirst ? -cases : cases;
};

const grouped = (digits) => {
  let text = digits;
  let out = "";
  while (text.length > 3) {
    out = "," + substring(text, text.length - 3, text.length) + out;
    text = substring(text, 0, text.length - 3);
  }
  return text + out;
};

const CURRENCIES = { __proto__: null, USD: "$", EUR: "€", GBP: "£" };
const NUMBER = ["style", "currency", "minimumFractionDigits", "maximumFractionDigits", "useGrouping", "localeMatcher"];

const fraction = (value) => {
  if (value === undefined) return undefined;
  const number = NumberOf(value);
  if (!(number >= 0 && number <= 100)) refuse("a number of digits is from 0 to 100");
  return number - (number % 1);
};

// Least and most digits behind the point. One that is given moves the usual other.
const fractions = (asked, style) => {
  const least = fraction(asked.minimumFractionDigits);
  const most = fraction(asked.maximumFractionDigits);
  const usualLeast = style === "currency" ? 2 : 0;
  const usualMost = style === "currency" ? 2 : style === "percent" ? 0 : 3;
  const few = least !== undefined ? least : most < usualLeast ? most : usualLeast;
  const many = most !== undefined ? most : few > usualMost ? few : usualMost;
  if (many < few) refuse("toLocaleString() was given fewer digits at the most than at the least");
  return { __proto__: null, few, many };
};

const repeated = (char, times) => {
  let text = "";
  while (text.length < times) text += char;
  return text;
};

// One more in the last place.
const increased = (digits) => {
  let at = digits.length - 1;
  let tail = "";
  while (at >= 0 && charCode(digits, at) === 57) {
    tail += "0";
    at--;
  }
  if (at < 0) return "1" + tail;
  return substring(digits, 0, at) + StringOf(charCode(digits, at) - 47) + tail;
};

// The digits of the shortest text of a number that is not negative, times ten to
// the `shift`, rounded half up to `many` behind the point: as the author reads it,
// and not the binary number a hair below it.
const rounded = (size, shift, many) => {
  const text = StringOf(size);
  const e = find(text, "e");
  const mantissa = e < 0 ? text : substring(text, 0, e);
  const exponent = e < 0 ? 0 : NumberOf(substring(text, e + 1, text.length));
  const dot = find(mantissa, ".");
  const whole = dot < 0 ? mantissa : substring(mantissa, 0, dot);
  let digits = dot < 0 ? whole : whole + substring(mantissa, dot + 1, mantissa.length);
  const before = whole.length + exponent + shift;
  if (before < 0) digits = repeated("0", -before) + digits;
  const kept = (before < 0 ? 0 : before) + many;
  digits += repeated("0", kept - digits.length);
  const up = kept < digits.length && charCode(digits, kept) >= 53;
  const cut = substring(digits, 0, kept);
  const all = up ? increased(cut) : cut;
  const split = all.length - many;
  let from = 0;
  while (from < split - 1 && charCode(all, from) === 48) from++;
  const ones = substring(all, from, split);
  return { __proto__: null, whole: ones === "" ? "0" : ones, digits: substring(all, split, all.length) };
};

const needsEnglish = (what, locales) => {
  const locale = localeOf(locales);
  if (!isOneOf(ENGLISH, locale)) refuse(what + " does not know the locale `" + locale + "`");
};

const numberToLocaleString = function (locales, options) {
  const value = apply(NumberProto.valueOf, this, []);
  needsEnglish("toLocaleString()", locales);
  const asked = only("toLocaleString()", options, NUMBER);
  const style = asked.style === undefined ? "decimal" : asked.style;
  const sign = style === "currency" ? CURRENCIES[asked.currency] : "";
  if (sign === undefined || !isOneOf(["decimal", "percent", "currency"], style)) {
    refuse("toLocaleString() does not know the style `" + StringOf(style) + "` with `" + StringOf(asked.currency) + "`");
  }
  const { few, many } = fractions(asked, style);
  const negative = value < 0 || (value === 0 && 1 / value < 0);
  const size = negative ? -value : value;
  const ends = style === "percent" ? "%" : "";
  if (value !== value) return sign + "NaN" + ends;
  if (size === Infinity) return (negative ? "-" : "") + sign + "∞" + ends;
  let { whole, digits } = rounded(size, style === "percent" ? 2 : 0, many);
  while (digits.length > few && charCode(digits, digits.length - 1) === 48) digits = substring(digits, 0, digits.length - 1);
  const shown = asked.useGrouping === false ? whole : grouped(whole);
  return (negative ? "-" : "") + sign + shown + (digits === "" ? "" : "." + digits) + ends;
};

const bigintToLocaleString = function (locales, options) {
  const value = apply(BigIntProto.valueOf, this, []);
  needsEnglish("toLocaleString()", locales);
  only("toLocaleString()", options, []);
  const text = StringOf(value);
  return charCode(text, 0) === 45 ? "-" + grouped(substring(text, 1, text.length)) : grouped(text);
};

const DATE = ["timeZone", "localeMatcher"];

const two = (number) => (number < 10 ? "0" + number : StringOf(number));

const dateWords = (what, wantsDate, wantsTime) => function (locales, options) {
  const time = typedDate(this);
  const locale = localeOf(locales);
  if (locale !== "en" && locale !== "en-US") refuse(what + " does not know the locale `" + locale + "`");
  const asked = only(what, options, DATE);
  if (asked.timeZone !== undefined && asked.timeZone !== "UTC") {
    refuse(what + " does not know the time zone `" + StringOf(asked.timeZone) + "`");
  }
  if (time !== time) return "Invalid Date";
  const hour = dateField("getUTCHours", this);
  const date = dateField("getUTCMonth", this) + 1 + "/" + dateField("getUTCDate", this) + "/" + dateField("getUTCFullYear", this);
  const clock = (hour % 12 === 0 ? 12 : hour % 12) + ":" + two(dateField("getUTCMinutes", this)) + ":" +
    two(dateField("getUTCSeconds", this)) + (hour < 12 ? " AM" : " PM");
  return wantsDate && wantsTime ? date + ", " + clock : wantsDate ? date : clock;
};

const caseOf = (what, change) => function (locales) {
  if (this === undefined || this === null) refuse(what + " needs a text");
  const language = languageOf(localeOf(locales));
  if (isOneOf(["tr", "az", "lt"], language)) refuse(what + " does not know the letters of `" + language + "`");
  return change(StringOf(this));
};

/** Once per script. */
export const openLocale = () => {
  const own = (proto, name, value) => defineProperty(proto, name, data(value, false));
  own(StringProto, "localeCompare", localeCompare);
  own(StringProto, "toLocaleUpperCase", caseOf("toLocaleUpperCase()", upperCase));
  own(StringProto, "toLocaleLowerCase", caseOf("toLocaleLowerCase()", lowerCase));
  own(NumberProto, "toLocaleString", numberToLocaleString);
  own(BigIntProto, "toLocaleString", bigintToLocaleString);
  own(DateProto, "toLocaleString", dateWords("toLocaleString()", true, true));
  own(DateProto, "toLocaleDateString", dateWords("toLocaleDateString()", true, false));
  own(DateProto, "toLocaleTimeString", dateWords("toLocaleTimeString()", false, true));
};
