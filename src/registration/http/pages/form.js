// Makes a password easier to enter. The form works without JavaScript, too.
// The field for a new password if the form has one, or the one for the current password.
const field = document.querySelector("[data-min-length]") ?? document.getElementById("password");
const STRENGTH_DELAY_MS = 500;

// Adds an empty status line. A screen reader reads its later text when it is idle.
function addStatus(className) {
  const status = document.createElement("p");
  status.className = className;
  status.setAttribute("role", "status");
  field.closest(".field").append(status);
  return status;
}

function addShowButton() {
  const button = document.createElement("button");
  const status = addStatus("unseen");
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-label", `${button.textContent} password`);
  };
  button.type = "button";
  button.className = "quiet";
  button.setAttribute("aria-controls", field.id);
  button.addEventListener("click", () => {
    show(field.type === "password");
    status.textContent = field.type === "text" ? "Your password is visible." : "Your password is hidden.";
  });
  // Browsers store values that were submitted as plain text.
  field.form.addEventListener("submit", () => show(false));
  show(false);
  field.after(button);
}

// Rates a password, as advice only: the server decides whether to accept it.
function rate(password, minLength) {
  const characters = [...password.normalize("NFKC")];
  const missing = minLength - characters.length;
  const distinct = new Set(password.toLowerCase()).size;
  const bits = characters.length * Math.log2(distinct);
  if (characters.length === 0) return ["", ""];
  if (missing > 0) return ["1", missing === 1 ? "1 more character needed." : `${missing} more characters needed.`];
  if (distinct < 6) return ["1", "Weak: too few different characters. Add other words."];
  if (bits < 60) return ["2", "Fair. Another word makes it much stronger."];
  if (bits < 80) return ["3", "Good."];
  return ["4", "Strong."];
}

function addStrengthMeter(minLength) {
  const status = addStatus("strength");
  let timer;
  const update = () => {
    const [level, text] = rate(field.value, minLength);
    status.dataset.level = level;
    status.textContent = text;
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, STRENGTH_DELAY_MS);
  });
}

addShowButton();
if (field.dataset.minLength) addStrengthMeter(Number(field.dataset.minLength));
