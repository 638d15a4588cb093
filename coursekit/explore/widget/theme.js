// Whether the page is dark: JupyterLab says so on its body, elsewhere the system does.

const NIGHT = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const { jpThemeLight } = document.body.dataset;
  return jpThemeLight ? jpThemeLight === "false" : NIGHT.matches;
}

// Tells each change from light to dark and back; returns a function that ends that.
function onTheme(changed) {
  let before = isDark();
  const look = () => {
    if (before === isDark()) return;
    before = !before;
    changed();
  };
  const watcher = new MutationObserver(look);
  watcher.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  NIGHT.addEventListener("change", look);
  return () => {
    watcher.disconnect();
    NIGHT.removeEventListener("change", look);
  };
}
