//! Regular expressions: modifiers, groups of one name, and the flag `v`, each
//! with the value that the specification of the language gives.

mod common;

use common::*;
use smol_wf_core::guest::Status;
use smol_wf_core::surface::Surface;

/// `(?ims-ims:…)`.
const MODIFIERS: &[(&str, &str)] = &[
    ("/(?i:a)b/.test('Ab')", "true"),
    ("/(?i:a)b/.test('AB')", "false"),
    ("/a(?i:b)c/.exec('aBc')[0]", r#""aBc""#),
    ("/a(?i:b)c/.test('ABc')", "false"),
    ("/(?-i:a)b/i.test('aB')", "true"),
    ("/(?-i:a)b/i.test('AB')", "false"),
    ("/(?i:a(?-i:b)c)/.test('AbC')", "true"),
    ("/(?i:a(?-i:b)c)/.test('ABC')", "false"),
    ("/(?i:a(?-i:b(?i:c))d)/.exec('AbCD')[0]", r#""AbCD""#),
    ("/(?i:a|b)c/.test('Bc')", "true"),
    ("/(?i:a|b)c/.test('BC')", "false"),
    ("/(?i:[a-c])d/.test('Bd')", "true"),
    ("/(?i:[^a])d/.test('Ad')", "false"),
    ("/[^a](?i:[^a])/.test('bA')", "false"),
    (r"/(?i:\u00e9)/.test('\u00c9')", "true"),
    (r"/(?i:\u{10428})/u.test('\u{10400}')", "true"),
    (r"/(?i:\u212a)/u.test('k')", "true"),
    (r"/(?i:\u212a)/.test('k')", "false"),
    ("/(?i:ß)/u.test('ẞ')", "true"),
    (r"/(?i:\w)/u.test('\u017f')", "true"),
    (r"/(?i:\w)/.test('\u017f')", "false"),
    (r"/(?i:\b)s/u.test('\u017fs')", "false"),
    (r"/(?i:Z\B)/u.test('Z\u017f')", "true"),
    (r"/(?i:Z\B)/.test('Z\u017f')", "false"),
    (r"/(?-i:Z\B)/iu.test('Z\u017f')", "false"),
    (r"/(?i:\W)/u.test('\u017f')", "false"),
    (r"/(?i:\p{Lu})/u.test('a')", "true"),
    (r"/(?i:\P{Lu})/u.test('A')", "true"),
    (r"/\p{Lu}(?i:\p{Lu})/u.test('aa')", "false"),
    (r"/(?s:.)/.test('\n')", "true"),
    (r"/(?s:.)./.test('\n\n')", "false"),
    (r"/(?-s:.)/s.test('\n')", "false"),
    (r"/(?s:.(?-s:.))/.test('\n\n')", "false"),
    (r"/(?s-i:.a)/i.exec('\na')[0]", r#""\na""#),
    (r"/(?m:^b)/.test('a\nb')", "true"),
    (r"/(?m:a$)/.test('a\nb')", "true"),
    (r"/(?-m:^b)/m.test('a\nb')", "false"),
    (r"/(?m:^)b|(?m:a$)/.exec('x\nb').index", "2"),
    (r"/(?m:^b$(?-m:$))/.test('a\nb\nc')", "false"),
    (r"/(?m:^b$)/.test('a\nb\nc')", "true"),
    (r"/(?ims:^A.B$)/.test('x\na\nb\ny')", "true"),
    ("/(?ims-:a)/.test('A')", "true"),
    (r"/(?im-s:.a)/s.test('\na')", "false"),
    (r"/(?i:(a)\1)/.test('aA')", "true"),
    (r"/(a)(?i:\1)/.test('aA')", "true"),
    (r"/(?i:(a))\1/.test('AA')", "true"),
    (r"/(?i:(a))\1/.test('Aa')", "false"),
    ("/(?<=(?i:a))b/.test('Ab')", "true"),
    ("/(?<=(?i:a)b)c/.test('Abc')", "true"),
    ("/(?<=(?i:a)b)c/.test('ABc')", "false"),
    ("/(?<!(?i:a))b/.test('Ab')", "false"),
    ("/(?i:(?<=a)b)/.test('AB')", "true"),
    (r"/(?i:(?<=(a))\1)/.test('aA')", "true"),
    (r"/(?<=(?i:\1)(a))b/.test('Aab')", "true"),
    ("/(?i:(?=A)a)/.test('a')", "true"),
    ("/(?=(?i:A))a/.test('a')", "true"),
    ("/(?!(?i:A))a/.test('a')", "false"),
    ("/(?i:a)+/.exec('aAab')[0]", r#""aAa""#),
    ("/(?i:a){2}/.exec('aAa')[0]", r#""aA""#),
    ("/(?i:a)*?b/.exec('aAb')[0]", r#""aAb""#),
    ("/(?i:ab?)+c/.exec('aBAc')[0]", r#""aBAc""#),
    ("/(?:(?i:a)|b)+/.exec('AbBa')[0]", r#""Ab""#),
    ("/(?i:)/.test('')", "true"),
    ("/x(?i:)Y/.test('xY')", "true"),
    ("/x(?i:)Y/.test('xy')", "false"),
    ("'aXbx'.replace(/(?i:x)/g, '-')", r#""a-b-""#),
    ("'aXbx'.split(/(?i:x)/).join()", r#""a,b,""#),
    ("[...'aAa'.matchAll(/(?i:a)/g)].length", "3"),
    ("/(?i:a)/.source", r#""(?i:a)""#),
    ("/(?i:a)/.flags", r#""""#),
    ("/(?i:a)/.ignoreCase", "false"),
    ("/(?i:[a-z])+/.exec('aBcD1')[0]", r#""aBcD""#),
    (r"/(?i:[\u212a])/u.test('K')", "true"),
    (r"/(?-i:[k])/iu.test('\u212a')", "false"),
    ("/(?i:σ)/.test('ς')", "true"),
    (r"/(?i:\x41)/.test('a')", "true"),
    (r"/(?i:\cA)/.test('\x01')", "true"),
    (r"'\u{20bb7}a'.replace(/(?:)/gv, '-')", r#""-𠮷-a-""#),
    ("/(?:a{2,3}){2}/.exec('aaaaa')[0]", r#""aaaaa""#),
    (r"/^(?:.{0,3}\b)+$/.test('foo bar')", "true"),
    ("/(?:(?=a)|b){2}a/.test('ba')", "true"),
    ("/(?:|a){3}b/.exec('aab')[0]", r#""aab""#),
];

/// Groups of one name in different alternatives.
const NAMES: &[(&str, &str)] = &[
    (r"/(?i:(?<x>a))\k<x>/.test('Aa')", "false"),
    (r"/(?<x>a)(?i:\k<x>)/.test('aA')", "true"),
    ("/(?<y>a)|(?<y>b)/.exec('b').groups.y", r#""b""#),
    ("/(?<y>a)|(?<y>b)/.exec('a').groups.y", r#""a""#),
    ("/(?<y>a)|(?<y>b)|c/.exec('c').groups.y", "null"),
    ("Object.keys(/(?<y>a)|(?<x>c)(?<y>b)/.exec('cb').groups)", r#"["y","x"]"#),
    ("JSON.stringify(/(?<y>a)|(?<x>c)(?<y>b)/.exec('a').groups)", r#""{\"y\":\"a\"}""#),
    ("/(?<y>a)|(?<y>b)/.exec('b')", r#"["b",null,"b"]"#),
    ("/(?<y>a)|(?<y>b)/d.exec('xb').indices.groups.y", "[1,2]"),
    ("/(?<y>a)|(?<y>b)/d.exec('xa').indices.groups.y", "[1,2]"),
    ("/(?<y>a)|(?<y>b)|x/d.exec('x').indices.groups.y", "null"),
    (
        r"'2024-12 12/2024'.replace(/(?<y>\d{4})-(?<m>\d\d)|(?<m>\d\d)\/(?<y>\d{4})/g, '$<m>.$<y>')",
        r#""12.2024 12.2024""#,
    ),
    ("'ab'.replace(/(?<y>a)|(?<y>b)/g, '[$<y>]')", r#""[a][b]""#),
    ("'ab'.replace(/(?<y>a)|(?<y>b)/g, (...a) => a.at(-1).y + a.at(-1).y)", r#""aabb""#),
    ("[...'abc'.matchAll(/(?<y>a)|(?<y>b)/g)].map((m) => m.groups.y)", r#"["a","b"]"#),
    (r"/(?:(?<x>a)|(?<x>b))\k<x>/.test('aa')", "true"),
    (r"/(?:(?<x>a)|(?<x>b))\k<x>/.test('bb')", "true"),
    (r"/(?:(?<x>a)|(?<x>b))\k<x>/.test('abab')", "false"),
    (r"/(?:(?:(?<x>a)|(?<x>b))\k<x>){2}/.exec('aabb')[0]", r#""aabb""#),
    (r"/(?:(?:(?<x>a)|(?<x>b))\k<x>){2}/.exec('aabb')", r#"["aabb",null,"b"]"#),
    (r"/(?:(?:(?<x>a)|(?<x>b)|c)\k<x>){2}/.exec('aac')", r#"["aac",null,null]"#),
    (r"/^(?:(?<a>x)|(?<a>y)|z)\k<a>$/.test('z')", "true"),
    (r"/^(?:(?<a>x)|(?<a>y)|z){2}\k<a>$/.exec('xz')", r#"["xz",null,null]"#),
    (r"/(?<a>x)|(?:zy\k<a>)(?<a>y)/.test('zyy')", "true"),
    (r"/\k<a>(?:(?<a>x)|(?<a>y))/.test('y')", "true"),
    (r"/(?<=(?:\k<x>(?<x>a)|\k<x>(?<x>b))c)d/.test('bbcd')", "true"),
    (r"/(?<=(?:\k<x>(?<x>a)|\k<x>(?<x>b))c)d/.test('abcd')", "false"),
    (r"/(?i:(?<x>a)|(?<x>b))\k<x>/.test('BB')", "true"),
    (r"/(?<x>a)|(?i:(?<x>b)\k<x>)/.exec('bB').groups.x", r#""b""#),
    ("/((?<x>a)|(?<x>b))|(?<x>c)/.exec('c').groups.x", r#""c""#),
    ("/(?<x>a)(?:(?<z>b)|(?<z>c))/.exec('ac').groups.z", r#""c""#),
    (r"/(?<x>.)|(?<x>..)/u.exec('\u{1f600}').groups.x", r#""😀""#),
];

/// The flag `v`: sets, strings, and case.
const SETS: &[(&str, &str)] = &[
    (r"/\p{L}/v.test('é')", "true"),
    (r"/^\p{L}+$/v.test('aé\u{20bb7}')", "true"),
    (r"/[\p{L}--[a-z]]/v.test('a')", "false"),
    (r"/[\p{L}--[a-z]]/v.test('A')", "true"),
    (r"/[\p{L}&&\p{ASCII}]/v.test('é')", "false"),
    (r"/[\p{L}&&\p{ASCII}]/v.test('e')", "true"),
    ("/[[a-z]&&[aeiou]]+/v.exec('xaei')[0]", r#""aei""#),
    ("/[[a-z][0-9]]+/v.exec('-a1')[0]", r#""a1""#),
    ("/[^[a-z][0-9]]+/v.exec('a-1')[0]", r#""-""#),
    ("/[[a-z]--[aeiou]--[xyz]]+/v.exec('axbcz')[0]", r#""bc""#),
    (r"/[\w--\d]+/v.exec('12ab')[0]", r#""ab""#),
    (r"/[\q{abc|d}]/v.exec('xabc')[0]", r#""abc""#),
    (r"/[\q{abc|d|}]x/v.exec('abcx')[0]", r#""abcx""#),
    (r"/^[\q{ab|a}]b$/v.test('ab')", "true"),
    (r"/[\q{abc|d}--\q{d}]/v.test('d')", "false"),
    (r"/[\q{KM|m}]/vi.exec('km')[0]", r#""km""#),
    (r"/^\p{RGI_Emoji}$/v.test('\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}')", "true"),
    (r"/^\p{Emoji_Keycap_Sequence}$/v.test('1\ufe0f\u20e3')", "true"),
    (r"/^\p{RGI_Emoji_Flag_Sequence}$/v.test('\u{1f1e9}\u{1f1ea}')", "true"),
    (r"/^\p{Basic_Emoji}$/v.test('\u{1f600}')", "true"),
    (r"/^[\p{RGI_Emoji}--\q{\u{1f600}}]$/v.test('\u{1f600}')", "false"),
    (r"/^[\p{Lu}]$/vi.test('a')", "true"),
    (r"/^[^\p{Lu}]$/vi.test('a')", "false"),
    (r"/^\P{Lu}$/vi.test('A')", "false"),
    (r"/[\p{Lowercase_Letter}]/vi.test('A')", "true"),
    (r"'a\u{20bb7}'.match(/(?:)/gv).length", "3"),
    (r"[...'\u{20bb7}'.matchAll(/(?:)/gv)].length", "2"),
    (r"'\u{20bb7}a'.split(/(?:)/v)", r#"["𠮷","a"]"#),
    (r"'\u{1f600}'.search(/\p{Emoji_Presentation}/v)", "0"),
    ("/(?i:[[a-z]&&[k]])/v.test('K')", "true"),
    (r"/[^\d]/v.test('1')", "false"),
    (r"/[\-\&]+/v.exec('a-&')[0]", r#""-&""#),
];

/// Patterns that use none of these, and must match as before.
const PLAIN: &[(&str, &str)] = &[
    (r"/\bs/u.test('\u017fs')", "true"),
    (r"/\bs/iu.test('\u017fs')", "true"),
    (r"/./.test('\n')", "false"),
    (r"/^b/.test('a\nb')", "false"),
    (r"/^\P{Lu}$/iu.test('A')", "true"),
    (r"/(?<d>\d{4})-(?<m>\d\d)/.exec('2024-12').groups.m", r#""12""#),
    ("/(a*)*b/.test('aaaa')", "false"),
    ("/(z)((a+)?(b+)?(c))*/.exec('zaacbbbcac')", r#"["zaacbbbcac","z","ac","a",null,"c"]"#),
    (r"/(?=(a+))a*b\1/.exec('baaabac')", r#"["aba","a"]"#),
    (r"/(.*?)a(?!(a+)b\2c)\2(.*)/.exec('baaabaac')", r#"["baaabaac","ba",null,"abaac"]"#),
    ("/(?<=([abc]+)([abc]+))$/.exec('abcdbcbc')", r#"["","b","cbc"]"#),
    (r"/(\d{3}|[a-z]{4})+?x/.exec('123abcdx')[0]", r#""123abcdx""#),
    (r"/[\s\S]*?end/.exec('a\nb end')[0]", r#""a\nb end""#),
    ("'x'.repeat(5).replace(/x{2}/g, 'y')", r#""yyx""#),
    ("/(|a){3}/.exec('aaa')[0]", r#""""#),
];

/// Patterns and flags that are syntax errors.
const REFUSED: &[(&str, &str)] = &[
    ("(?ii:a)", ""),
    ("(?i-i:a)", ""),
    ("(?-:a)", ""),
    ("(?g:a)", ""),
    ("(?u:a)", ""),
    ("(?I:a)", ""),
    ("(?i)a", ""),
    ("(?i--m:a)", ""),
    ("(?i-m-s:a)", ""),
    ("(?i:a", ""),
    (r"(?\u0069:a)", ""),
    ("(?s-smi:a)", ""),
    ("(?<x>a)(?<x>b)", ""),
    ("(?<x>a|(?<x>b))", ""),
    ("(?:(?<x>a)|b)(?<x>c)", ""),
    ("(?<x>a)|(?<x>b)(?<x>c)", ""),
    ("((?<x>a)|b)|(?:(?<x>c)(?<x>d))", ""),
    ("(?<x>a)(?=(?<x>b))", ""),
    ("(?<x>a)(?=b|(?<x>c))", ""),
    ("(?<x>a)(?:c|(?<x>b))", ""),
    ("(?:a|(?<x>b))(?:c|(?<x>d))", ""),
    ("[a--b&&c]", "v"),
    ("[(]", "v"),
    ("[a-z&&[b]]", "v"),
    (r"\P{RGI_Emoji}", "v"),
    (r"[^\p{RGI_Emoji}]", "v"),
    (r"[^\q{ab}]", "v"),
    (r"\p{RGI_Emoji}", "u"),
    ("a", "uv"),
];

/// Runs the rows in a script, and returns those that are wrong; `{:?}` writes a text as
/// JavaScript reads it.
async fn wrong_of(rows: Vec<String>) -> String {
    assert!(rows.len() > 10);
    let script = format!(
        "const show = f => {{ try {{ return JSON.stringify([f()]) }} catch (e) {{ return e.name }} }}
        const rows = [{}]
        return rows.filter(([, f, want]) => show(f) !== want).map(([text, f]) => text + ' gave ' + show(f))",
        rows.join(",\n")
    );
    run(&sandbox(), &body(&script)).await.done().to_owned()
}

#[tokio::test]
async fn patterns_match_as_the_language_says() {
    for table in [MODIFIERS, NAMES, SETS, PLAIN] {
        let row = |(text, expected): &(&str, &str)| {
            format!("[{text:?}, () => {text}, {:?}]", format!("[{expected}]"))
        };
        assert_eq!(wrong_of(table.iter().map(row).collect()).await, "[]");
    }
}

#[tokio::test]
async fn wrong_patterns_are_syntax_errors() {
    let row = |(pattern, flags): &(&str, &str)| {
        format!("[{pattern:?}, () => new RegExp({pattern:?}, {flags:?}).source, 'SyntaxError']")
    };
    assert_eq!(wrong_of(REFUSED.iter().map(row).collect()).await, "[]");
}

#[tokio::test]
async fn a_wrong_literal_is_refused_with_its_line() {
    for text in ["/a(/", "/(?ii:a)/", "/(?<x>a)(?<x>b)/", "/[a--b&&c]/v", r"/\P{RGI_Emoji}/v"] {
        let script = source(&format!("{META}log('x')\n  return {text}.test('a')"));
        let error = sandbox().inspect(&script, Surface::Second).await.unwrap().expect_err(text);
        assert_eq!((error.code.as_str(), error.line), ("syntax", 3), "{text}: {error:?}");
    }
}

/// Many alternatives and many groups: the cost grows slowly, and a pattern that is too
/// large is an error that can be caught.
#[tokio::test]
async fn large_patterns_are_matched_or_refused() {
    let script = "const many = (n, f) => Array.from({ length: n }, (_, i) => f(i)).join('|')
        const names = new RegExp('^(?:' + many(250, i => `(?<x>a${i}b)`) + ')$')
        const plain = new RegExp('(?<all>' + many(5000, i => 'w' + i) + ')$')
        const tooMany = (n) => { try { return new RegExp('(a)'.repeat(n)) && 'taken' } catch (e) { return e.name } }
        return [names.exec('a249b').groups.x, plain.exec('w4999').groups.all, tooMany(250), tooMany(5000)]";
    let ran = run(&sandbox(), &body(script)).await;
    assert_eq!(ran.end, Ok(Status::Done(r#"["a249b","w4999","taken","SyntaxError"]"#.into())));
}
