// Home page of a relay without a trusted certificate: creates an account and shows its link and QR code.
"use strict";

const STATES = ["waiting", "failed", "ready"];
const TIMEOUT_MS = 20000;

function part(name) {
  return document.getElementById(`invite-${name}`);
}

function show(state) {
  for (const name of STATES) part(name).hidden = name !== state;
}

// Creates an account and returns its link; throws with the reason of the relay, if there is one.
// The page of an invitation is /?TOKEN; the token is sent with the request.
async function newAccountLink() {
  const answer = await fetch(`/new${location.search}`, {
    method: "POST",
    cache: "no-store",
    credentials: "omit",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const data = await answer.json().catch(() => ({}));
  const link = String(data.dclogin_url ?? "");
  if (!answer.ok || !link.startsWith("dclogin:")) throw new Error(data.reason ?? "");
  return link;
}

async function invite() {
  show("waiting");
  try {
    const link = await newAccountLink();
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
