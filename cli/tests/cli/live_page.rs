//! The page of `kcorr live`: by HTTP, in a real browser, and by axe-core.
//!
//! A folder of accounts that an earlier run has left gives it windows, an episode and a store; a program that stands for a
//! tracer gives it new ones. The browser gets it through a server of the test, which adds the reader's script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

use crate::Desk;
use crate::browser::Browser;
use crate::live::live;
use crate::record::{Process, TRACER, awaited, free_address, interrupted, with_tracer};

const SECOND: i64 = 1_000_000_000;

/// What a reader does: the page is loaded, and once it has changed they look at it again.
const READER: &str = "
addEventListener('error', (event) => told.errors.push(event.message));
addEventListener('unhandledrejection', (event) => told.errors.push(String(event.reason)));
console.error = (...words) => told.errors.push(words.join(' '));
window.told = { errors: [] };
addEventListener('load', () => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const state = () => document.querySelector('meta[name=\"kcorr-state\"]').content;
  const soon = (ms) => new Promise((done) => setTimeout(done, ms));
  const look = () => ({
    width: document.documentElement.scrollWidth - innerWidth,
    sections: all('main > section').map((section) => section.id),
    charts: all('svg.chart').length,
    windows: all('#windows-table tbody tr').length,
    said: document.querySelector('#live-said').textContent,
  });
  const key = (key) => document.querySelector('#latency-heatmap svg.chart')
    .dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  (async () => {
    told.before = look();
    const link = document.querySelector('#episodes-table a[href^=\"reports/\"]');
    told.link = link.getAttribute('href');
    document.querySelector('#episodes details').open = true;
    link.focus();
    key('+');
    await soon(5000);
    told.zoomed = look();
    key('Escape');
    document.querySelector('#live-hold').click();
    await soon(5000);
    told.held = look();
    told.pressed = document.querySelector('#live-hold').getAttribute('aria-pressed');
    document.querySelector('#live-hold').click();
    await soon(5000);
    told.after = look();
    told.opened = document.querySelector('#episodes details').open;
    told.focused = document.activeElement.getAttribute('href');
    key('>');
    told.read = document.querySelector('#latency-heatmap output.said').textContent;
    told.sorted = all('#windows-table th button').length;
    if (window.axe) {
      for (const fold of all('details')) fold.open = true;
      const found = await axe.run(document, { resultTypes: ['violations'] });
      told.rules = found.passes.length;
      told.dark = matchMedia('(prefers-color-scheme: dark)').matches;
      told.faults = found.violations.map(({ id, impact, nodes }) => ({ id, impact, first: nodes[0].html.slice(0, 300) }));
    }
    const pre = document.createElement('pre');
    pre.id = 'told';
    pre.textContent = JSON.stringify(told);
    document.body.append(pre);
  })();
});
";

/// The answer to a request for a path.
fn asked(address: &str, path: &str, headers: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let words = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
    stream.write_all(words.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a body").1
}

/// What an earlier run has left: an hour of windows until now, one of them with the store of the bundled incident.
fn leave_accounts(desk: &Desk) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time");
    let now_ns = i64::try_from(now.as_nanos()).expect("this century");
    let first_ns = now_ns - 3600 * SECOND;
    let (mut rollups, mut accounts, mut name) = (String::new(), String::new(), String::new());
    for place in 0..359 {
        let from_ns = first_ns + place * 10 * SECOND;
        let to_ns = from_ns + 10 * SECOND;
        let is_slow = place == 300;
        let mut series = vec![json!({
            "api": "Produce", "topic": "orders", "cause": "none", "reason": "", "count": 1500, "seconds": 3.0,
            "buckets": [[2.5, 1400], [10.0, 90], [50.0, 10]],
        })];
        if is_slow {
            series.push(json!({
                "api": "Produce", "topic": "orders", "cause": "slow_write", "reason": "journal_commit", "count": 20,
                "seconds": 6.0, "buckets": [[500.0, 19], [null, 1]],
            }));
        }
        let slow = if is_slow { 20 } else { 0 };
        let rollup = json!({
            "from": "", "from_ns": from_ns, "to_ns": to_ns, "outcome": "accounted", "slow": slow, "late": 0,
            "seconds": 3.5, "lost": 0, "objective_ms": 65.0, "series": series,
        });
        rollups += &format!("{rollup}\n");
        for request in 0..slow {
            let window = json!({ "from_ns": from_ns, "to_ns": to_ns });
            let account = json!({
                "window": window, "evidence": "", "root": "slow_write", "cause": "slow_write",
                "reason": "journal_commit", "api": "Produce", "topic": "orders", "latency_ms": 300.0, "waited_ms": 280.0,
                "client_address": "10.0.0.1:40000", "correlation_id": request, "request_id": request,
                "end_ns": from_ns + SECOND,
            });
            accounts += &format!("{account}\n");
        }
        if is_slow {
            name = window_name(from_ns);
        }
    }
    for folder in ["rollups", "accounts", "evidence"] {
        let folder = desk.path("live.kcorr").join(folder);
        std::fs::create_dir_all(folder).expect("a folder");
    }
    // A name is only when it goes.
    desk.write("live.kcorr/rollups/29991231.jsonl", rollups);
    desk.write("live.kcorr/accounts/29991231T23.jsonl", accounts);
    // Of a day before there is an account, and no window is shown; and nothing of the hour between.
    let long_ago_ns = first_ns - 86_400 * SECOND;
    let window = json!({ "from_ns": long_ago_ns, "to_ns": long_ago_ns + 10 * SECOND });
    let mut accounts = String::new();
    for request in 0..30 {
        let account = json!({
            "window": window, "evidence": "", "root": "pause", "cause": "pause", "reason": "gc", "api": "Fetch",
            "topic": "orders", "latency_ms": 77.0, "waited_ms": 70.0, "client_address": "10.0.0.1:40000",
            "correlation_id": request, "request_id": request, "end_ns": long_ago_ns + SECOND,
        });
        accounts += &format!("{account}\n");
    }
    desk.write("live.kcorr/accounts/29991230T23.jsonl", accounts);
    desk.write("live.kcorr/accounts/29991231T22.jsonl", "");
    let store = desk
        .path("live.kcorr/evidence")
        .join(format!("{name}.kcorr"));
    std::fs::rename(desk.path("incident.kcorr"), store).expect("a store");
    name
}

/// As windows are called, by `date`.
fn window_name(ns: i64) -> String {
    let (second, ms) = (ns / SECOND, ns % SECOND / 1_000_000);
    let mut date = std::process::Command::new("date");
    date.args(["-u", "+%Y%m%dT%H%M%S", "-d", &format!("@{second}")]);
    let name = date.output().expect("date runs").stdout;
    format!("{}.{ms:03}", String::from_utf8_lossy(&name).trim())
}

/// `kcorr live` with a page, and what is at its address.
struct Served {
    desk: Desk,
    #[expect(dead_code, reason = "is recorded")]
    process: Process,
    program: Option<Child>,
    address: String,
    window: String,
}

impl Served {
    fn begin() -> Self {
        let desk = Desk::with_incident();
        let window = leave_accounts(&desk);
        let path = with_tracer(&desk, TRACER);
        let process = Process::sleeping();
        let address = free_address();
        let program = live(&desk, &path, &process, &address, "said");
        awaited(60, "there is no page", || asked(&address, "/", ""));
        Self {
            desk,
            process,
            program: Some(program),
            address,
            window,
        }
    }

    fn page(&self) -> String {
        asked(&self.address, "/", "").expect("a page")
    }

    /// A page with a window that another has not.
    fn newer(&self, than: &str) -> String {
        let tag = tag(than);
        let accounted = |text: &str| text.matches(">accounted<").count();
        let newest = |text: &str| first_window(body(text));
        awaited(120, "no window came", || {
            let text = self.page();
            let is_new = self::tag(&text) != tag && newest(&text) != newest(than);
            (is_new && accounted(&text) > 0).then_some(text)
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(program) = self.program.take() {
            interrupted(program);
        }
    }
}

/// The entity tag of an answer.
fn tag(answer: &str) -> String {
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    let line = head.lines().find_map(|line| line.strip_prefix("etag: "));
    line.expect("a tag").to_owned()
}

/// The begin of the first row of the list of windows.
fn first_window(page: &str) -> String {
    let (_, table) = page.split_once("id=\"windows-table\"").expect("a table");
    let (_, row) = table.split_once("data-c=\"start_time\"").expect("a row");
    row.chars().take(40).collect()
}

#[test]
fn the_page_has_what_windows_had_before_this_start_and_an_episode_opens_its_report() {
    let served = Served::begin();
    let text = served.page();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{}", &text[..200]);
    for header in [
        "content-type: text/html; charset=utf-8",
        "cache-control: no-store",
    ] {
        assert!(text.contains(header), "{header}");
    }
    // All of it is there without a script.
    let page = body(&text);
    assert!(page.contains("<noscript>") && page.contains("load the page again"));
    // Of 359 windows with 1,500 requests each, one has 20 slow ones besides.
    for number in [538_520.to_string(), "20".to_owned(), "300".to_owned()] {
        assert!(page.contains(&format!("value=\"{number}\"")), "{number}");
    }
    let (_, causes) = page.split_once("id=\"causes-table\"").expect("a table");
    let (causes, _) = causes.split_once("</table>").expect("an end");
    for name in ["slow_write", "journal_commit"] {
        assert!(causes.contains(name), "{causes}");
    }
    let link = format!("reports/{}", served.window);
    assert!(page.contains(&format!("href=\"{link}\"")), "no {link}");
    // An episode of long before has an account, too.
    let (_, episodes) = page.split_once("id=\"episodes-table\"").expect("a table");
    let (episodes, _) = episodes.split_once("</table>").expect("an end");
    assert_eq!(
        episodes.matches("data-c=\"first_time\"").count(),
        2,
        "{episodes}"
    );
    assert!(episodes.contains("value=\"77\"") && episodes.contains("value=\"30\""));
    assert_eq!(episodes.matches("data-c=\"day\"").count(), 2, "{episodes}");
    // What is printed to ask the lines by is of the same windows.
    for words in ["read_json(", "w.from_ns &gt;= ", "outcome = "] {
        assert!(page.contains(words), "{words}");
    }
    // What has not changed is not sent again.
    let again = asked(
        &served.address,
        "/",
        &format!("If-None-Match: {}\r\n", tag(&text)),
    );
    let again = again.expect("an answer");
    assert!(again.starts_with("HTTP/1.1 304 ") || tag(&again) != tag(&text));

    let report = asked(&served.address, &format!("/{link}"), "").expect("a report");
    assert!(report.starts_with("HTTP/1.1 200 OK\r\n"), "{report:.500}");
    let html = body(&report);
    assert!(html.contains("http-equiv=\"Content-Security-Policy\"") && html.contains("<h2"));
    assert!(html.len() > 100_000, "{} bytes", html.len());
    let kept = served
        .desk
        .path("live.kcorr/reports")
        .join(format!("{}.html", served.window));
    assert_eq!(std::fs::read_to_string(kept).expect("a file"), html);
    for nowhere in ["20200101T000000.000", "..", "%2e%2e%2f%2e%2e", "x"] {
        let answer = asked(&served.address, &format!("/reports/{nowhere}"), "").expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 404 "), "{nowhere}: {answer}");
    }
    let answer = asked(&served.address, "/", "").map(|_| ());
    assert_eq!(answer, Some(()));
    served.newer(&text);
}

#[test]
fn a_report_that_fails_says_why() {
    let served = Served::begin();
    let store = served
        .desk
        .path("live.kcorr/evidence")
        .join(format!("{}.kcorr", served.window));
    std::fs::write(store.join("manifest.json"), "{}").expect("a damaged store");
    let path = format!("/reports/{}", served.window);
    let answer = asked(&served.address, &path, "").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    let said = body(&answer);
    assert!(said.contains("has failed: exit status: 2\n"), "{said}");
    assert!(said.contains("manifest.json"), "{said}");
    // And it was not the end of it.
    assert!(served.page().starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_reader_sees_what_comes_and_keeps_what_they_opened() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let axe = std::env::var_os("KCORR_AXE").map(|path| std::fs::read_to_string(path).expect("axe"));
    if axe.is_none() {
        println!("not checked: KCORR_AXE does not name the axe.min.js of axe-core");
    }
    let served = Served::begin();
    let before = served.page();
    let after = served.newer(&before);
    let script = axe
        .clone()
        .unwrap_or_default()
        .replace("</script", "<\\/script");
    let added = format!("<script>{script}</script><script>{READER}</script></body>");
    for width in [1440, 400] {
        for scheme in ["1", "0"] {
            // The first that is asked for is old; those after it have what came.
            let pages = Pages::begin(&added, body(&before), body(&after));
            let option = format!("--blink-settings=preferredColorScheme={scheme}");
            let told = browser.read_url(&served.desk, &pages.url, width, &[&option]);
            assert_eq!(told["errors"], json!([]), "{told:#}");
            let sections = ["now", "episodes", "latency", "causes", "windows", "queries"];
            let (before, after) = (&told["before"], &told["after"]);
            for look in [before, after] {
                assert_eq!(look["sections"], json!(sections));
                assert_eq!(look["charts"], 2);
                assert_eq!(look["width"], 0, "at {width} it is wider than the window");
            }
            let link = json!(format!("reports/{}", served.window));
            assert_eq!((&told["link"], &told["focused"]), (&link, &link));
            assert_eq!(told["opened"], json!(true));
            let zoomed = told["zoomed"]["said"].as_str().unwrap_or_default();
            assert!(
                zoomed.starts_with("held while a chart is zoomed"),
                "{zoomed}"
            );
            let held = told["held"]["said"].as_str().unwrap_or_default();
            assert!(held.starts_with("held since "), "{held}");
            assert_eq!(told["pressed"], "true");
            assert_eq!(after["said"], "kept up to date");
            assert!(pages.newer.load(Ordering::Relaxed) > 0, "it did not ask");
            let read = told["read"].as_str().unwrap_or_default();
            assert!(read.ends_with("requests"), "no count of a cell: {read}");
            assert!(told["sorted"].as_u64() > Some(5), "{told:#}");
            if axe.is_none() {
                continue;
            }
            assert_eq!(told["dark"], json!(scheme == "0"));
            assert!(told["rules"].as_u64() > Some(20), "{told:#}");
            let faults = told["faults"].as_array().expect("faults");
            let is_serious = |it: &&Json| it["impact"] == "serious" || it["impact"] == "critical";
            let serious: Vec<&Json> = faults.iter().filter(is_serious).collect();
            assert!(
                serious.is_empty(),
                "at {width}, scheme {scheme}: {serious:#?}"
            );
        }
    }
}

/// A server of two pages: the first is answered once.
struct Pages {
    url: String,
    newer: Arc<AtomicUsize>,
}

impl Pages {
    fn begin(added: &str, first: &str, later: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        // Scripts of the test are none that the page lets run.
        let policy = "http-equiv=\"Content-Security-Policy\"";
        assert!(first.contains(policy), "the page has no policy");
        let first = first.replacen(policy, "name=\"policy\"", 1);
        let first = Mutex::new(Some(first.replacen("</body>", added, 1)));
        let (later, newer) = (later.to_owned(), Arc::<AtomicUsize>::default());
        let counted = Arc::clone(&newer);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(&stream).lines();
                let path = lines.next().and_then(Result::ok).unwrap_or_default();
                let rest: Vec<String> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let is_page = path.starts_with("GET / ");
                let asks_again = rest
                    .iter()
                    .any(|it| it.to_lowercase().starts_with("if-none-match"));
                let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                let text = match (is_page, asks_again) {
                    (true, false) => first.take().unwrap_or_default(),
                    (true, true) => {
                        counted.fetch_add(1, Ordering::Relaxed);
                        later.clone()
                    }
                    _ => String::new(),
                };
                let status = if is_page { "200 OK" } else { "204 No Content" };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: \
                     close\r\n\r\n",
                    text.len()
                );
                let _ = stream.write_all(&[head.as_bytes(), text.as_bytes()].concat());
            }
        });
        Self { url, newer }
    }
}
