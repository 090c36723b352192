// Home page of a relay without a trusted certificate: asks for a fresh address and shows its link and QR code.
"use strict";

const STATES = ["waiting", "failed", "ready"];
const PATIENCE_MS = 20000;

function part(name) {
  return document.getElementById(`invite-${name}`);
}

function show(state) {
  for (const name of STATES) part(name).hidden = name !== state;
}

// The link of a fresh address; throws with the relay's reason, if it gave one.
// An invitation's token is handed on: /?TOKEN is the page of whoever was invited.
async function freshLink() {
  const answer = await fetch(`/new${location.search}`, {
    method: "POST",
    cache: "no-store",
    credentials: "omit",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const data = await answer.json().catch(() => ({}));
  const link = String(data.dclogin_url ?? "");
  if (!answer.ok || !link.startsWith("dclogin:")) throw new Error(data.reason ?? "");
  return link;
}

async function invite() {
  show("waiting");
  try {
    const link = await freshLink();
    const code = part("code");
    part("link").href = link;
    code.querySelector("a")?.remove();
    const picture = document.createElement("a");
    picture.href = link;
    picture.append(qrPicture(link, code.dataset.label));
    code.append(picture);
    show("ready");
  } catch (error) {
    part("reason").textContent = error.name === "Error" ? error.message : "";
    show("failed");
  }
}

part("retry").addEventListener("click", invite);
invite();
