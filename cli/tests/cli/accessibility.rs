//! The HTML report by axe-core, which knows the rules of WCAG that a program can check.
//!
//! `KCORR_AXE` names its `axe.min.js` (the npm package `axe-core`); `.ci/run` fetches it. Without it, or without Chromium,
//! the test says so and passes.

use serde_json::{Value as Json, json};

use crate::browser::{Browser, desk_with_report};

/// Opens what is folded, so that it is looked at too, and writes down what axe finds.
const LOOK: &str = "addEventListener('load', () => {
  for (const fold of document.querySelectorAll('details')) fold.open = true;
  [...document.querySelectorAll('td.open button')].slice(0, 3).forEach((button) => button.click());
  document.querySelector('#latency-heatmap svg').dispatchEvent(new KeyboardEvent('keydown', { key: '>', bubbles: true }));
  axe.run(document, { resultTypes: ['violations'] }).then((found) => {
    const pre = document.createElement('pre');
    pre.id = 'told';
    pre.textContent = JSON.stringify({
      dark: matchMedia('(prefers-color-scheme: dark)').matches,
      rules: found.passes.length,
      said: document.querySelector('#latency-heatmap output.said').textContent,
      faults: found.violations.map(({ id, impact, nodes }) => ({ id, impact, first: nodes[0].html.slice(0, 300) })),
    });
    document.body.append(pre);
  });
});";

#[test]
fn the_report_has_no_serious_fault_of_accessibility() {
    let Some(axe) = std::env::var_os("KCORR_AXE") else {
        println!("skipped: KCORR_AXE does not name the axe.min.js of axe-core");
        return;
    };
    let Some(browser) = Browser::find() else {
        return;
    };
    let axe = std::fs::read_to_string(axe).expect("axe.min.js");
    let desk = desk_with_report();
    let html = std::fs::read_to_string(desk.path("report.html")).expect("report.html");
    // The page lets no script run but its own.
    let policy = "http-equiv=\"Content-Security-Policy\"";
    assert!(html.contains(policy), "the page has no policy");
    let html = html.replacen(policy, "name=\"policy\"", 1);
    let axe = axe.replace("</script", "<\\/script");
    let added = format!("<script>{axe}</script><script>{LOOK}</script></body>");
    desk.write("read.html", html.replacen("</body>", &added, 1));
    for width in [1440, 400] {
        for scheme in ["1", "0"] {
            let option = format!("--blink-settings=preferredColorScheme={scheme}");
            let told = browser.read_with(&desk, width, &[&option]);
            assert_eq!(told["dark"], json!(scheme == "0"), "{told}");
            assert!(told["rules"].as_u64() > Some(20), "{told}");
            let said = told["said"].as_str().unwrap_or_default();
            assert!(said.ends_with("requests"), "no count of a cell: {said}");
            let faults = told["faults"].as_array().expect("faults");
            let serious: Vec<&Json> = faults
                .iter()
                .filter(|it| it["impact"] == "serious" || it["impact"] == "critical")
                .collect();
            assert!(
                serious.is_empty(),
                "at {width}, scheme {scheme}: {serious:#?}"
            );
        }
    }
}
