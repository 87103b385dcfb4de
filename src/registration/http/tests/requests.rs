//! Requests that phones, proxies, monitors, scripts, and old clients really send, as bytes over a socket.
//! Each row says why its answer is right.

use std::{net::SocketAddr, num::NonZeroU16};

use tokio::time::timeout;

use super::{signed_in::Browser, *};
use crate::{config::ConnectionSettings, registration::listener::Server, shutdown::Shutdown};

/// Maximum time that a row waits.
const TEST_TIMEOUT: Duration = Duration::from_mins(1);

/// A request, and the answer to it.
struct Row {
    why: &'static str,
    sent: Vec<u8>,
    /// The statuses of all responses to the bytes, in order.
    statuses: &'static str,
    has: Vec<&'static str>,
    lacks: Vec<&'static str>,
}

impl Row {
    /// Expects this in the answer.
    fn has(mut self, text: &'static str) -> Self {
        self.has.push(text);
        self
    }

    /// Expects this nowhere in the answer.
    fn lacks(mut self, text: &'static str) -> Self {
        self.lacks.push(text);
        self
    }
}

/// Returns a row for these bytes.
fn raw(sent: impl AsRef<[u8]>, statuses: &'static str, why: &'static str) -> Row {
    Row { why, sent: sent.as_ref().to_vec(), statuses, has: Vec::new(), lacks: Vec::new() }
}

/// Returns a row for a request with this line, these header lines, and this body.
fn row(
    line: &str,
    headers: impl AsRef<[u8]>,
    body: impl AsRef<[u8]>,
    statuses: &'static str,
    why: &'static str,
) -> Row {
    let (headers, body) = (headers.as_ref(), body.as_ref());
    let start = format!("{line} HTTP/1.1\r\nHost: streamcat\r\nConnection: close\r\n");
    let separator: &[u8] = if headers.is_empty() { b"" } else { b"\r\n" };
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let sent = [start.as_bytes(), headers, separator, length.as_bytes(), b"\r\n", body].concat();
    raw(sent, statuses, why)
}

fn get(path: &str, headers: impl AsRef<[u8]>, statuses: &'static str, why: &'static str) -> Row {
    row(&format!("GET {path}"), headers, "", statuses, why)
}

/// Returns a row that registers Mary.
fn json(headers: &str, body: impl AsRef<[u8]>, statuses: &'static str, why: &'static str) -> Row {
    row("POST /register", format!("{JSON}{headers}"), body, statuses, why)
}

/// Returns a row of the signed-in browser of Todd that sends the sign-in form. `more` continues the body.
fn form(headers: &str, more: impl AsRef<[u8]>, statuses: &'static str, why: &'static str) -> Row {
    let body = [b"token={token}&", more.as_ref()].concat();
    row("POST /sign-in", format!("Cookie: {{cookie}}\r\n{headers}"), body, statuses, why)
}

/// Returns a row that asks for an account that does not exist, which is answered with a page or with JSON.
fn accept(headers: impl AsRef<[u8]>, format: &'static str, why: &'static str) -> Row {
    get("/accounts/nobody", headers, "404", why).has(format)
}

const MARY: &str = r#"{"username":"Mary","password":"a canary of a password"}"#;
const PAGE: &str = "content-type: text/html";
const PROBLEM: &str = "content-type: application/problem+json";

fn methods() -> Vec<Row> {
    vec![
        row("HEAD /register", "", "", "200", "HEAD is GET without the body").lacks("<html"),
        row("HEAD /accounts/Todd", "", "", "200", "monitors check a page with HEAD").lacks("<html"),
        row("HEAD /accounts/nobody", "", "", "404", "and HEAD has the status of GET").lacks("<html"),
        row("OPTIONS /register", "", "", "204", "OPTIONS lists the methods").has("allow: GET,HEAD,POST"),
        row("OPTIONS *", "", "", "204", "OPTIONS * is a ping of the server"),
        row(
            "OPTIONS /register",
            "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST",
            "",
            "204",
            "a preflight is refused by the absence of Access-Control-Allow-Origin",
        )
        .lacks("access-control"),
        row("get /register", "", "", "405", "methods are case-sensitive; Allow names GET").has("allow: GET"),
        row("TRACE /register", "Cookie: secret=1", "", "405", "TRACE would reflect cookies").lacks("secret"),
        row("DELETE /register", "", "", "405", "a known method that the page lacks").has("allow: "),
        row("BREW /register", "", "", "405", "an invented method").has("allow: "),
        row("CONNECT streamcat:443", "", "", "404", "the page is no proxy"),
        row("POST /accounts/Todd", FORM, "a=b", "405", "a page that only shows something").has("allow: "),
    ]
}

fn targets() -> Vec<Row> {
    vec![
        get("http://streamcat/register", "", "200", "a server accepts the absolute form of a proxy request"),
        get("HTTP://STREAMCAT/register", "", "200", "scheme and host have no case"),
        get("http://other.example/register", "", "200", "the absolute form replaces Host"),
        get(
            "/register?utm_source=%FF%00&a=%",
            "",
            "200",
            "no page reads the query, so nothing in it is wrong",
        ),
        get("/register/", "", "308", "people and monitors add a slash").has("location: /register\r\n"),
        get("/accounts/Todd/", "", "308", "also behind a name").has("location: /accounts/Todd\r\n"),
        get("//evil.example/", "", "404", "a redirect to it would lead to another site").lacks("location"),
        get("/\\evil.example/", "", "404", "browsers read the backslash as a slash").lacks("location"),
        get("/%72egister", "", "308", "an encoded letter is that letter").has("location: /register\r\n"),
        get("/accounts/%54odd", "", "200", "so it is in a name"),
        get("/accounts/%2e%2e/register", "", "404", "clients resolve dots; here they are a name"),
        get("/accounts/..%2fregister", "", "404", "an encoded slash separates nothing"),
        get("/accounts/%FF", "", "404", "a name that is not UTF-8 is nobody's").has("No account with this"),
        get("/accounts/To%20dd", "", "404", "a name with a space is nobody's"),
        get("/.well-known/change-password", "", "302", "password managers ask here")
            .has("location: /sign-in"),
        get(
            "/.well-known/change-password",
            "Cookie: {cookie}",
            "302",
            "and a signed-in person gets straight to the form",
        )
        .has("location: /accounts/Todd/password"),
        get(
            "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200",
            "",
            "404",
            "password managers check that a missing page is a 404",
        ),
        get("/healthz", "", "200", "the path for load balancers").has("\r\n\r\nok\n"),
        row("HEAD /healthz", "", "", "200", "some of them use HEAD").lacks("\r\n\r\nok\n"),
        get("/favicon.ico", "Accept: image/*", "404", "browsers ask for it unasked"),
        raw(
            format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(20_000)),
            "431",
            "a head that does not fit into the buffer",
        ),
    ]
}

fn hosts_and_versions() -> Vec<Row> {
    vec![
        raw("GET /register HTTP/1.0\r\n\r\n", "200", "HTTP/1.0 has no Host, and closes the connection"),
        raw(
            "GET /style.css HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /style.css HTTP/1.0\r\n\r\n",
            "200 200",
            "HTTP/1.0 keeps a connection open if asked to",
        ),
        raw("GET /register HTTP/1.1\r\nConnection: close\r\n\r\n", "400", "HTTP/1.1 must have a Host"),
        raw(
            "GET /register HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
            "400",
            "two hosts: a proxy may have used the other one",
        ),
        raw(
            "GET /register HTTP/1.1\r\nHost: a@b/c\r\nConnection: close\r\n\r\n",
            "400",
            "a Host that is no host",
        ),
        raw(
            b"GET /register HTTP/1.1\r\nHost: \xff\r\nConnection: close\r\n\r\n",
            "400",
            "a Host that is not ASCII",
        ),
        raw(
            "GET /register HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
            "200",
            "an empty Host is valid, and means the default",
        ),
        raw("GET /register HTTP/1.1\nHost: h\nConnection: close\n\n", "200", "a bare LF ends a line, too"),
        raw(
            "\r\nGET /register HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            "200",
            "old clients send an empty line after a body",
        ),
        raw("GET /register HTTP/1.1\r\nHost : h\r\n\r\n", "400", "no space before the colon: smuggling"),
        raw(
            "GET /register HTTP/1.1\r\nHost: h\r\nX-Folded: a\r\n b\r\n\r\n",
            "400",
            "a folded line is obsolete, and smuggles fields",
        ),
        raw(
            "GET /style.css HTTP/1.1\r\nHost: h\r\n\r\nGET /style.css HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            "200 200",
            "pipelined requests are answered in order",
        ),
        get(
            "/register",
            "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
            "200",
            "an upgrade may be ignored",
        ),
        raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", "HTTP/2 without negotiation: the connection is closed"),
        raw("GET / HTTP/4.2\r\nHost: h\r\n\r\n", "400", "no such version"),
        raw(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n", "400", "https:// to a port without TLS"),
        get(
            "/register",
            "User-Agent: \u{e9}\r\nAuthorization: Basic eDp5\r\nTE: trailers",
            "200",
            "unread fields",
        ),
        get(
            "/style.css",
            "Range: bytes=0-3\r\nIf-None-Match: \"x\"\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
            "200",
            "a server without ranges and validators sends everything",
        ),
        get("/register", format!("X-Long: {}", "x".repeat(17_000)), "431", "fields beyond 16 KiB"),
    ]
}

fn bodies() -> Vec<Row> {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03";
    let utf_16: Vec<u8> = MARY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let escaped = MARY.replace("Mary", r"\u004d\u0061ry").replace("canary", r"can\u0061ry\ud83e\udd80");
    let (created, twice) = ("201", r#"{"username":"Mary","username":"Mary"}"#);
    let start = format!("POST /register HTTP/1.1\r\nHost: streamcat\r\nConnection: close\r\n{JSON}\r\n");
    let length = MARY.len();
    vec![
        json("; charset=UTF-8", MARY, created, "PowerShell adds a charset").has(r#""username":"Mary""#),
        row("POST /register", "CONTENT-TYPE: Application/JSON", MARY, created, "names have no case"),
        json("\r\nExpect: 100-continue", MARY, "100 201", "curl and .NET wait for 100 before the body"),
        json("", format!("\u{feff}{MARY}"), created, "Windows editors begin a file with a BOM"),
        json("", utf_16, "400", "JSON is UTF-8").has("not valid JSON"),
        json("", escaped, created, "escapes and surrogate pairs").has(r#""username":"Mary""#),
        json("", MARY.replace("canary", r"\ud83e"), "400", "half of a surrogate pair is no character"),
        json("", twice, "400", "which of the two?").has("Duplicate member"),
        json("", r#"{"username":null,"password":null}"#, "400", "null is no string").has("two strings"),
        json("", r#"{"username":1e3,"password":12345}"#, "400", "a number is no string").lacks("12345"),
        json("", r#"["Mary","a canary of a password"]"#, "400", "a list has no names").has("a JSON object"),
        json("", format!("{MARY}{MARY}"), "400", "two objects").has("not valid JSON"),
        json("", MARY.replace("Mary", "Mary "), created, "phones add a space").has(r#""username":"Mary""#),
        json("", b"{\"username\":\"\xfc\"}", "400", "a byte that is not UTF-8").has("not valid JSON"),
        row("POST /register", JSON, "", "400", "no body at all").has("not valid JSON"),
        row("POST /register", "", MARY, "415", "a body of an unknown type").has("application/json"),
        row("POST /register", "Content-Type: text/plain", MARY, "415", "forms can send that to any site"),
        row("POST /register", format!("{JSON}\r\n{FORM}"), MARY, "415", "two types: which of them?"),
        row("POST /register", format!("{JSON}\r\n{JSON}"), MARY, created, "the same type twice is that type"),
        json("\r\nContent-Encoding: gzip", gzip, "415", "compressed bodies could grow")
            .has("accept-encoding:"),
        json("\r\nContent-Encoding: identity", MARY, created, "identity is no encoding"),
        json("", " ".repeat(9000), "413", "more than any username and password"),
        raw(
            format!(
                "{start}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n{length:x};a=b\r\n{MARY}\r\n0\r\nX-Sum: 1\r\n\r\n"
            ),
            created,
            "a body in chunks, with an extension and a trailer",
        ),
        raw(
            format!("{start}Content-Length: 1\r\nContent-Length: {length}\r\n\r\n{MARY}"),
            "400",
            "two lengths: smuggling",
        ),
        raw(format!("{start}Content-Length: -1\r\n\r\n{MARY}"), "400", "no length"),
        raw(
            format!("{start}Transfer-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n{MARY}"),
            "400",
            "a transfer coding that does not end with chunked has no end",
        ),
        raw(format!("{start}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "400", "no chunk").has(PROBLEM),
    ]
}

fn forms() -> Vec<Row> {
    let plain = "Content-Type: application/x-www-form-urlencoded";
    let charset = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8";
    let right = "username=Todd&password=a+canary+of+a+password";
    vec![
        form(charset, right, "303", "old browsers and Java name the charset"),
        form("content-type:APPLICATION/X-WWW-FORM-URLENCODED", right, "303", "names have no case"),
        form(plain, right.replace("Todd", "+Todd%20"), "303", "phones add a space behind a name"),
        form(plain, right.replace("canary", "%63anary"), "303", "an encoded letter is that letter"),
        form(plain, "username=Todd&password=%FC", "400", "Latin-1 would be another password").has("UTF-8"),
        form(plain, b"username=Todd&password=\xfc", "400", "also as a byte").has("UTF-8"),
        form(plain, "username=T%F6dd&password=x", "400", "and in a name").has("UTF-8"),
        form(plain, "username=Todd&password=100%", "403", "a lone % is a %").has("Incorrect username"),
        form(plain, "username=Todd&username=Mary", "400", "which of the two?").has("each field once"),
        form(plain, format!("{right}&utf8=%E2%9C%93&submit="), "303", "unknown fields do no harm"),
        form(&format!("{plain}\r\nOrigin: http://streamcat"), right, "303", "our own page"),
        raw(
            format!(
                "POST /sign-in HTTP/1.1\r\nHost: Streamcat:80\r\nConnection: close\r\nCookie: {{cookie}}\r\nOrigin: http://streamcat\r\n{plain}\r\nContent-Length: 0\r\n\r\ntoken={{token}}&{right}"
            ),
            "303",
            "proxies add the default port to Host, and browsers leave it out of Origin",
        ),
        form(&format!("{plain}\r\nOrigin: null"), right, "403", "a page without an origin")
            .has("another site"),
        form(&format!("{plain}\r\nSec-Fetch-Site: cross-site"), right, "403", "another site"),
        form(&format!("{plain}\r\nSec-Fetch-Site: same-site"), right, "403", "another host of the domain"),
        form(&format!("{plain}\r\nSec-Fetch-Site: none"), right, "303", "a person typed the address"),
        form(&format!("{plain}\r\nReferer: \u{e9}"), right, "303", "a field that is not read"),
    ]
}

/// Rows of browsers whose own cookie must be found among others.
fn cookies() -> Vec<Row> {
    let signed_in = |headers: &[u8], why| {
        get("/accounts/Todd", [b"Accept: text/html\r\n", headers].concat(), "200", why).has("Sign out")
    };
    let long = format!("Cookie: a={}; {{cookie}}", "x".repeat(8000));
    vec![
        signed_in(b"Cookie: {cookie}", "the cookie alone"),
        signed_in("Cookie: a=\u{e9}; {cookie}".as_bytes(), "another application's cookie in UTF-8"),
        signed_in(b"Cookie: a=\xff\xfe; {cookie}; b=\xe9", "or in Latin-1"),
        signed_in(b"Cookie: a=1\r\nCookie: {cookie}", "a proxy from HTTP/2 splits the line"),
        signed_in(b"Cookie: \xff\r\nCookie: b\r\nCookie: {cookie}", "lines that are no cookies"),
        signed_in(b"Cookie: a=1;{cookie};b=2", "without spaces"),
        signed_in(b"Cookie: a=\"x, y\"; {cookie}", "a quoted value of another"),
        signed_in(b"Cookie: $Version=1; {quoted}; $Path=/", "an RFC 2965 client quotes values"),
        signed_in(b"Cookie: streamcat=; {cookie}", "an empty one of the same name is no token"),
        signed_in(b"Cookie: streamcat=\xff; streamcat=old; {cookie}", "nor is another application's"),
        signed_in(b"Cookie: STREAMCAT=1; streamcat ; {cookie}", "names have a case"),
        signed_in(long.as_bytes(), "8 KB of other cookies"),
        get("/accounts/Todd", format!("Cookie: a={}", "x".repeat(17_000)), "431", "and 17 KB are too much"),
        get("/sign-in", "Cookie: streamcat=old", "200", "an unusable cookie is replaced").has("set-cookie: "),
        get("/sign-in", "Cookie: {cookie}", "200", "and a usable one is kept").lacks("set-cookie: "),
    ]
}

fn negotiation() -> Vec<Row> {
    let java = "Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2";
    vec![
        accept("", PAGE, "no Accept means anything"),
        accept("Accept:", PAGE, "an empty one, too"),
        accept("Accept: */*", PAGE, "curl"),
        accept("Accept: */*;q=0.1", PAGE, "anything at a low quality is still anything"),
        accept("Accept: TEXT/HTML", PAGE, "types have no case"),
        accept("Accept: APPLICATION/JSON", PROBLEM, "neither has this one"),
        accept("Accept: application/json; charset=utf-8", PROBLEM, "a parameter that says nothing new"),
        accept("Accept: application/json, text/plain, */*", PROBLEM, "axios: a name beats a wildcard"),
        accept("Accept: application/json;q=0.5, */*;q=0.1", PROBLEM, "and the quality counts"),
        accept("Accept: text/html;q=0.5, application/json", PROBLEM, "and so it does here"),
        accept("Accept: text/html, application/json;q=0.9", PAGE, "and here"),
        accept("Accept: text/html, application/json", PAGE, "of two equals, the page"),
        accept("Accept: text/html;q=0", PROBLEM, "anything but a page"),
        accept("Accept: text/html;q=0, */*", PROBLEM, "the more specific range counts"),
        accept("Accept: application/json;q=0, */*", PAGE, "anything but JSON"),
        accept("Accept: */*, application/json;q=0, text/html;q=0", PAGE, "nothing that we have"),
        accept("Accept: application/*", PROBLEM, "a wildcard that only JSON matches"),
        accept("Accept: application/vnd.api+json", PROBLEM, "some other JSON"),
        accept("Accept: text/event-stream", PROBLEM, "EventSource reads no pages"),
        accept("Accept: text/plain\r\nAccept: application/json", PROBLEM, "two lines are one list"),
        accept(b"Accept: \xff, application/json", PROBLEM, "an element that cannot be read"),
        accept("Accept: json, application/json;q=high, text/html;q=2", PAGE, "elements that mean nothing"),
        accept(java, PAGE, "Java's default"),
        accept("Accept: text/x;a=\"application/json\"", PAGE, "a name within quotes is no name"),
        accept(
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            PAGE,
            "Firefox",
        ),
    ]
}

/// Starts a server whose only user is Todd. Returns its address, and the signed-in browser of Todd.
async fn start(stop: &CancellationToken) -> (SocketAddr, Browser) {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    let settings = ConnectionSettings {
        max_connections: NonZeroU16::MAX,
        request_timeout: TEST_TIMEOUT,
        idle_timeout: TEST_TIMEOUT,
        max_per_ip: None,
    };
    let state = state(&backend);
    let server = Server {
        app: router(Arc::clone(&state)),
        overload: overload_router(Arc::clone(&state)),
        settings,
        per_ip_limit: None,
        metrics: state.metrics.clone(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let shutdown = Shutdown { stop: stop.clone(), ..Shutdown::default() };
    tokio::spawn(async move { server.serve(listener, &shutdown).await });
    (address, browser)
}

/// Fills in the cookie and the form token of a browser.
fn fill_in(sent: &[u8], browser: &Browser) -> Vec<u8> {
    let cookie = browser.cookie.strip_prefix("Cookie: ").expect("a cookie");
    let (name, value) = cookie.split_once('=').expect("a pair");
    // The token is longer than its place, which the length of the body must include.
    let replace = |bytes: Vec<u8>, place: &str, text: &str| {
        let Some(at) = bytes.windows(place.len()).position(|window| window == place.as_bytes()) else {
            return bytes;
        };
        [&bytes[..at], text.as_bytes(), &bytes[at + place.len()..]].concat()
    };
    let filled = replace(sent.to_vec(), "{cookie}", cookie);
    let filled = replace(filled, "{quoted}", &format!("{name}=\"{value}\""));
    let before = filled.len();
    let filled = replace(filled, "{token}", &browser.token);
    if filled.len() == before {
        return filled;
    }
    let at = filled.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let head = std::str::from_utf8(&filled[..at]).expect("text");
    let (rest, _) = head.split_once("Content-Length: ").expect("a length");
    [format!("{rest}Content-Length: {}\r\n\r\n", filled.len() - at).as_bytes(), &filled[at..]].concat()
}

/// Sends bytes and returns everything until the server closes the connection.
async fn exchange(address: SocketAddr, sent: &[u8]) -> String {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.write_all(sent).await.expect("written");
    let mut received = Vec::new();
    let read = timeout(TEST_TIMEOUT, connection.read_to_end(&mut received)).await;
    // A connection that is closed with unread bytes is reset.
    drop(read.expect("the connection is closed"));
    String::from_utf8(received).expect("text")
}

#[tokio::test]
async fn odd_but_real_requests_get_the_right_answers() {
    let stop = CancellationToken::new();
    let rows = [methods(), targets(), hosts_and_versions(), bodies(), forms(), cookies(), negotiation()];
    let mut wrong = Vec::new();
    for row in rows.into_iter().flatten() {
        let (address, browser) = start(&stop).await;
        let received = exchange(address, &fill_in(&row.sent, &browser)).await;
        let starts = received.match_indices("HTTP/1.").map(|(at, _)| &received[at..]);
        let statuses: Vec<_> = starts.map(status).collect();
        let is_right = statuses.join(" ") == row.statuses
            && row.has.iter().all(|text| received.contains(text))
            && !row.lacks.iter().any(|text| received.contains(text))
            && !received.contains("canary");
        if !is_right {
            let sent = String::from_utf8_lossy(&row.sent[..row.sent.len().min(300)]).into_owned();
            let received = &received[..received.len().min(700)];
            wrong.push(format!("{} ({}, has {:?}):\n{sent}\n--\n{received}", row.why, row.statuses, row.has));
        }
    }
    stop.cancel();
    assert!(wrong.is_empty(), "{} rows:\n\n{}", wrong.len(), wrong.join("\n\n====\n\n"));
}
