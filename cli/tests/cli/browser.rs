//! The HTML report in a real browser: headless Chromium.
//!
//! A script is added to the report that does what a reader would do and writes down what it saw. Screenshots
//! at two widths are left in the target directory's `tmp/report` for a person to look at. Without Chromium
//! the tests say so and pass, except in CI.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value as Json;

use crate::{Desk, PATIENCE, status, stderr};

/// Catches what goes wrong from the first line of the page on.
const BEFORE: &str = "<script>
window.told = { errors: [] };
addEventListener('error', (event) => told.errors.push(event.message));
addEventListener('unhandledrejection', (event) => told.errors.push(String(event.reason)));
console.error = (...words) => told.errors.push(words.join(' '));
</script>";

/// Does what a reader does.
const AFTER: &str = "<script>
addEventListener('load', () => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const rows = () => all('#requests-table tbody > tr[data-place]').filter((row) => !row.hidden);
  const shows = (node) => getComputedStyle(node).display !== 'none';
  told.sections = all('main > section').map((section) => section.id);
  told.width = document.documentElement.scrollWidth - innerWidth;
  told.charts = all('svg.chart').length;

  const first = rows()[0];
  told.closed = !shows(first.nextElementSibling);
  first.querySelector('td.open button').click();
  told.opened = shows(first.nextElementSibling);
  told.expanded = first.querySelector('td.open button').getAttribute('aria-expanded');
  told.chain = first.nextElementSibling.textContent;

  const form = document.querySelector('#requests-table form');
  const input = (name, value) => {
    form.elements[name].value = value;
    form.dispatchEvent(new Event('input', { bubbles: true }));
  };
  told.first = rows().length;
  document.querySelector('#requests-table .rest button').click();
  told.all = rows().length;
  input('cause', 'slow_write');
  told.slowWrites = rows().length;
  input('cause', '');
  input('text', 'svc-6 topicb');
  told.filtered = rows().map((row) => row.textContent + row.nextElementSibling.textContent);
  told.output = form.querySelector('output').textContent;
  input('text', '');

  const charts = all('svg.chart[data-group=time]');
  const boxes = () => charts.map((chart) => chart.querySelector('svg.plot').getAttribute('viewBox'));
  const key = (key) => charts[0].dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  told.whole = boxes();
  key('+');
  key('+');
  key('ArrowRight');
  told.zoomed = boxes();
  told.zoomedRows = rows().length;
  told.zoomedOutput = form.querySelector('output').textContent;
  key('Escape');
  told.reset = boxes();

  const plot = charts[0].querySelector('svg.plot');
  const box = plot.querySelector('.catch').getBoundingClientRect();
  const pointer = (name, target, part) => target.dispatchEvent(new PointerEvent(name, {
    bubbles: true, button: 0, pointerType: 'mouse', clientX: box.left + box.width * part, clientY: box.top + 5,
  }));
  pointer('pointerdown', plot, 0.25);
  pointer('pointermove', window, 0.5);
  pointer('pointerup', window, 0.75);
  told.dragged = boxes()[0].split(' ').map(Number);
  told.ticks = charts[0].querySelectorAll('.ticks text').length;
  document.querySelector('#latency .zoom button').click();

  const lines = document.querySelector('#latency-lines');
  const said = () => lines.querySelector('output.said').textContent;
  lines.querySelector('svg.chart').dispatchEvent(new KeyboardEvent('keydown', { key: '>', bubbles: true }));
  told.keyed = said();
  const step = lines.querySelectorAll('rect.hover')[3];
  step.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, pointerType: 'touch', clientX: 300 }));
  told.touched = said() === step.querySelector('title').textContent;
  told.crossed = lines.querySelector('line.cross') !== null;
  const cell = document.querySelector('#latency-heatmap rect.choosable');
  cell.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  told.chosen = boxes()[0] !== told.whole[0];
  const heat = (selector) => all('#latency-heatmap ' + selector + ' > rect');
  const number = (mark, name) => Number(mark.getAttribute(name));
  const isBelow = (mark) => {
    const middle = number(mark, 'x') + number(mark, 'width') / 2 - number(cell, 'x');
    return middle > 0 && middle < number(cell, 'width');
  };
  const requests = (mark) => Number(/: ([\\d,]+) requests$/.exec(mark.querySelector('title').textContent)[1].replace(',', ''));
  const sum = (marks) => marks.filter(isBelow).reduce((all, mark) => all + requests(mark), 0);
  told.finer = number(cell, 'width') / number(heat('g.fine')[0], 'width');
  told.requests = [sum(heat('g.fine')), sum(heat('g.whole'))];
  told.drawn = [shows(document.querySelector('#latency-heatmap g.fine')), shows(document.querySelector('#latency-heatmap g.whole'))];
  document.querySelector('#latency .zoom button').click();
  told.left = heat('g.fine').length;
  const flame = document.querySelector('#stacks figure');
  const search = flame.querySelector('input[type=search]');
  search.value = 'ext4';
  search.dispatchEvent(new Event('input', { bubbles: true }));
  told.search = flame.querySelector('output').textContent;
  told.frames = flame.querySelectorAll('.found').length;

  const head = all('#requests-table th button').find((button) => button.textContent.startsWith('Arrival'));
  head.click();
  told.sorted = rows().map((row) => row.dataset.start);
  told.pairs = rows().every((row) => row.nextElementSibling.matches('.detail'));

  const bar = document.querySelector('#episodes svg.timeline a');
  location.hash = bar.getAttribute('href');
  setTimeout(() => {
    const row = document.getElementById(location.hash.slice(1));
    told.followed = row !== null && shows(row.nextElementSibling);
    location.hash = '#query-headline';
    setTimeout(() => {
      told.query = document.getElementById('query-headline').open;
      const pre = document.createElement('pre');
      pre.id = 'told';
      pre.textContent = JSON.stringify(told);
      document.body.append(pre);
    }, 50);
  }, 50);
});
</script>";

#[test]
fn a_reader_can_open_filter_sort_and_zoom() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let desk = desk_with_report();
    let html = std::fs::read_to_string(desk.path("report.html")).expect("report.html");
    // The page lets no script run but its own; the reader's is not.
    let policy = "http-equiv=\"Content-Security-Policy\"";
    assert!(html.contains(policy), "the page has no policy");
    let html = html.replacen(policy, "name=\"policy\"", 1);
    let html = html.replacen("<head>", &format!("<head>{BEFORE}"), 1);
    let html = html.replacen("</body>", &format!("{AFTER}</body>"), 1);
    desk.write("read.html", html);
    for width in [1440, 400] {
        let told = browser.read(&desk, width);
        assert_eq!(told["errors"], serde_json::json!([]), "at {width}");
        assert_eq!(
            told["sections"].as_array().map(Vec::len),
            Some(13),
            "{told}"
        );
        assert!(
            told["width"].as_i64() <= Some(0),
            "at {width} the page is {} px too wide",
            told["width"]
        );
        assert!(told["charts"].as_u64() >= Some(6), "{told}");

        assert_eq!(told["closed"], true);
        assert_eq!(told["opened"], true);
        assert_eq!(told["expanded"], "true");
        assert!(
            told["chain"]
                .as_str()
                .is_some_and(|chain| chain.contains("behind a slow write to topicB-0")),
            "{told}"
        );

        assert_eq!(told["first"], 20);
        assert_eq!(told["all"], 81);
        assert_eq!(told["slowWrites"], 6);
        let filtered = told["filtered"].as_array().expect("rows");
        assert!(
            !filtered.is_empty() && filtered.len() < 81,
            "{}",
            filtered.len()
        );
        for row in filtered {
            let row = row.as_str().expect("text");
            assert!(row.contains("svc-6") && row.contains("topicB"), "{row}");
        }
        assert_eq!(told["output"], format!("{} of 81 shown", filtered.len()));

        assert_ne!(told["zoomed"], told["whole"]);
        assert_eq!(told["reset"], told["whole"]);
        assert!(told["zoomedRows"].as_u64() < Some(81), "{told}");
        assert!(
            told["zoomedOutput"]
                .as_str()
                .is_some_and(|text| text.contains("zoomed")),
            "{told}"
        );
        let dragged: Vec<f64> = told["dragged"]
            .as_array()
            .expect("a box")
            .iter()
            .filter_map(Json::as_f64)
            .collect();
        let whole = told["whole"][0]
            .as_str()
            .expect("a box")
            .split(' ')
            .nth(2)
            .expect("its width");
        let part = dragged[2] / whole.parse::<f64>().expect("a number");
        assert!((part - 0.5).abs() < 0.05, "{part}");
        assert!(told["ticks"].as_u64() >= Some(3), "{told}");

        let text = |name: &str| told[name].as_str().expect("text").to_owned();
        assert!(text("keyed").contains("slowest"), "{told}");
        assert_eq!(told["touched"], true);
        assert_eq!(told["crossed"], true);
        assert_eq!(told["chosen"], true);
        // The step of that cell is drawn in its steps of 10 ms, which have the same requests.
        assert!(told["finer"].as_f64() > Some(9.0), "{told}");
        assert_eq!(told["requests"][0], told["requests"][1], "{told}");
        assert_ne!(told["requests"][0], 0);
        assert_eq!(told["drawn"], serde_json::json!([true, false]));
        assert_eq!(told["left"], 0);
        assert!(text("search").ends_with("% of the time"), "{told}");
        assert!(told["frames"].as_u64() > Some(3), "{told}");

        let sorted: Vec<&str> = told["sorted"]
            .as_array()
            .expect("rows")
            .iter()
            .filter_map(Json::as_str)
            .collect();
        assert_eq!(sorted.len(), 81);
        assert!(sorted.is_sorted(), "{sorted:?}");
        assert_eq!(told["pairs"], true);
        assert_eq!(told["followed"], true);
        assert_eq!(told["query"], true);
    }
}

#[test]
fn a_report_can_be_looked_at_and_printed() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let desk = desk_with_report();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    std::fs::create_dir_all(&folder).expect("a folder");
    let page = desk.path("report.html");
    for (width, height) in [(1440, 9000), (400, 9000)] {
        let file = folder.join(format!("report-{width}.png"));
        browser.run(
            &desk,
            &[
                &format!("--window-size={width},{height}"),
                &format!("--screenshot={}", file.display()),
            ],
            &page,
        );
        let bytes = std::fs::read(&file).expect("a screenshot");
        assert_eq!(
            bytes[16..20],
            u32::to_be_bytes(width),
            "the width of {}",
            file.display()
        );
        // A page that stays white compresses to a few kB.
        assert!(
            bytes.len() > 100_000,
            "{} has {} bytes",
            file.display(),
            bytes.len()
        );
    }
    let file = folder.join("report.pdf");
    browser.run(
        &desk,
        &[
            "--no-pdf-header-footer",
            &format!("--print-to-pdf={}", file.display()),
        ],
        &page,
    );
    let bytes = std::fs::read(&file).expect("a PDF");
    assert!(
        bytes.starts_with(b"%PDF") && bytes.len() > 50_000,
        "{} bytes",
        bytes.len()
    );
    // Skia writes what its objects are as text.
    let is_page = |window: &[u8]| window == b"/Type /Page\n" || window == b"/Type /Page/";
    let pages = bytes.windows(12).filter(|window| is_page(window)).count();
    assert!((1..=8).contains(&pages), "{pages} pages");
    println!("screenshots and PDF are in {}", folder.display());
}

pub(super) fn desk_with_report() -> Desk {
    let desk = Desk::with_incident();
    // What the tests of the verdicts find is two sentences of the page.
    let output = desk.kcorr(&["report", "--shifts", "1", "--no-ablation"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    desk
}

pub(super) struct Browser {
    program: PathBuf,
}

impl Browser {
    pub(super) fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
        let found = std::env::split_paths(&path)
            .flat_map(|folder| names.map(|name| folder.join(name)))
            .find(|program| program.is_file());
        if found.is_none() {
            assert!(
                std::env::var_os("CI").is_none(),
                "there is no Chromium to test the report in"
            );
            println!("skipped: there is no Chromium to test the report in");
        }
        found.map(|program| Self { program })
    }

    /// What the added script wrote down.
    fn read(&self, desk: &Desk, width: u32) -> Json {
        self.read_with(desk, width, &[])
    }

    /// The same with further options of the browser.
    pub(super) fn read_with(&self, desk: &Desk, width: u32, more: &[&str]) -> Json {
        let url = format!("file://{}", desk.path("read.html").display());
        self.read_url(desk, &url, width, more)
    }

    /// The same of an address.
    pub(super) fn read_url(&self, desk: &Desk, url: &str, width: u32, more: &[&str]) -> Json {
        let size = format!("--window-size={width},900");
        let options = ["--virtual-time-budget=30000", "--dump-dom", &size];
        let dom = self.run_url(desk, &[&options[..], more].concat(), url);
        let (_, rest) = dom
            .split_once("<pre id=\"told\">")
            .expect("the script's words");
        let (told, _) = rest.split_once("</pre>").expect("their end");
        let told = told
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&nbsp;", " ")
            .replace("&amp;", "&");
        serde_json::from_str(&told).expect("JSON")
    }

    fn run(&self, desk: &Desk, arguments: &[&str], page: &Path) -> String {
        self.run_url(desk, arguments, &format!("file://{}", page.display()))
    }

    fn run_url(&self, desk: &Desk, arguments: &[&str], url: &str) -> String {
        let profile = format!("--user-data-dir={}", desk.path("browser").display());
        let output = Command::new(&self.program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
            ])
            .args(["--enable-logging=stderr", &profile])
            .args(arguments)
            .arg(url)
            .timeout(PATIENCE)
            .output()
            .expect("Chromium runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        let complaints: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .collect();
        assert!(complaints.is_empty(), "{complaints:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
