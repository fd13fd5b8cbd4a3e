// Shows what the stream tells. Everything that came from outside becomes text, never markup.
'use strict';

const $ = (id) => document.getElementById(id);
const narrow = matchMedia('(max-width: 59.99rem)');
/** Summaries by number. */
const deliveries = new Map();
let kept = 500;
let paused = false;
/** What came while the list was paused, by number. */
const waiting = new Map();
let chosen = null;
let shownBody = null;
let answers = null;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// Without characters that turn the direction of what follows them.
const inLine = (text) => text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');

const VERDICTS = {
  verified: ['good', '✓ Verified'],
  refused: ['bad', '✗ Refused'],
  unchecked: ['warn', '? Not checked'],
};

function seconds(ms) {
  return ms === 0 ? 'at once' : `after ${ms / 1000} s`;
}

function saidAnswer({ answer, outcome }) {
  const why = { at_random: ', at random', not_verified: ', not verified' }[answer.why] ?? '';
  const what = `${answer.status}${why}`;
  if (outcome === 'waiting') return answer.delay_ms === 0 ? what : `${what}, ${seconds(answer.delay_ms)}: waits`;
  if (outcome === 'hung_up') return `the sender hung up before ${answer.status}`;
  return answer.delay_ms === 0 ? what : `${what}, ${seconds(answer.delay_ms)}`;
}

function saidRepeat({ kind, time }) {
  if (kind === 'retry') return `Retry, time ${time}`;
  if (kind === 'duplicate') return `Duplicate, time ${time}`;
  return null;
}

function time(at) {
  const element = make('time', '', new Date(at).toLocaleTimeString());
  element.dateTime = at;
  return element;
}

function marks(delivery) {
  const element = make('span', 'marks');
  const [style, said] = VERDICTS[delivery.verdict.state];
  const isGood = delivery.outcome !== 'hung_up' && delivery.answer.status < 300;
  element.append(
    make('span', `mark ${style}`, said),
    make('span', `mark ${isGood ? '' : 'bad'}`, saidAnswer(delivery)),
  );
  const repeat = saidRepeat(delivery.repeat);
  if (repeat) element.append(make('span', 'mark warn', repeat));
  return element;
}

function row(delivery) {
  const item = make('li');
  item.id = `row-${delivery.number}`;
  item.value = delivery.number;
  const link = make('a');
  link.href = `#delivery-${delivery.number}`;
  link.append(
    make('span', 'type', inLine(delivery.event_type ?? 'Delivery ' + delivery.number)),
    time(delivery.at),
    make('span', 'id', inLine(`${delivery.event_id ?? 'no event id'} · ${delivery.target}`)),
    marks(delivery),
  );
  if (delivery.number === chosen) link.setAttribute('aria-current', 'true');
  item.append(link);
  return item;
}

function show(delivery) {
  const isNew = !deliveries.has(delivery.number);
  deliveries.set(delivery.number, delivery);
  const before = $(`row-${delivery.number}`);
  const element = row(delivery);
  if (before) {
    const hadFocus = before.contains(document.activeElement);
    before.replaceWith(element);
    if (hadFocus) element.firstChild.focus();
  } else {
    $('list').prepend(element);
  }
  while (deliveries.size > kept) {
    const oldest = deliveries.keys().next().value;
    deliveries.delete(oldest);
    $(`row-${oldest}`)?.remove();
  }
  if (delivery.number === chosen) facts(delivery);
  $('empty').hidden = true;
  $('count').textContent = `(${deliveries.size})`;
  return isNew;
}

// One announcement at a time, of the newest: a burst would be read out for minutes.
let announced = 0;
let announcing = null;
function announce(delivery) {
  announced += 1;
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    const [, verdict] = VERDICTS[delivery.verdict.state];
    const others = announced > 1 ? `${announced} deliveries, the newest: ` : '';
    const what = delivery.event_type ?? 'a delivery';
    $('announcer').textContent = `${others}${what}, ${verdict.slice(2)}, ${saidAnswer(delivery)}`;
    announced = 0;
  }, 700);
}

function facts(delivery) {
  const list = $('facts');
  const at = new Date(delivery.at);
  const rows = [
    ['Came', at.toLocaleString()],
    ['Event', delivery.event_id ?? 'nothing says its id'],
    ['Path', delivery.target],
    ['Answered', saidAnswer(delivery)],
    ['Repeated', {
      first: 'no, the first time',
      retry: `retry: time ${delivery.repeat.time}, and not answered 2xx before`,
      duplicate: `duplicate: time ${delivery.repeat.time}, answered 2xx before; a receiver that keeps ids does nothing`,
    }[delivery.repeat.kind]],
  ];
  list.replaceChildren(...rows.flatMap(([name, value]) => [make('dt', '', name), make('dd', '', inLine(value))]));
}

function body() {
  const asItCame = $('layout').getAttribute('aria-pressed') === 'true';
  $('body').textContent = asItCame ? shownBody.text : shownBody.laid_out ?? shownBody.text;
}

async function choose(number) {
  const before = chosen;
  chosen = number;
  document.querySelector('#list [aria-current]')?.removeAttribute('aria-current');
  document.body.toggleAttribute('data-chosen', number !== null);
  if (number === null) {
    $('detail-title').textContent = 'No delivery chosen';
    $('detail-empty').hidden = false;
    $('detail-content').hidden = true;
    $(`row-${before}`)?.firstChild.focus();
    return;
  }
  $(`row-${number}`)?.firstChild.setAttribute('aria-current', 'true');
  $('detail-empty').hidden = true;
  if ($('detail-content').hidden) $('detail-title').textContent = `Delivery ${number}`;
  const response = await fetch(`deliveries/${number}`).catch(() => null);
  const delivery = response?.ok ? await response.json() : null;
  // Another one was chosen meanwhile.
  if (chosen !== number) return;
  if (!delivery) {
    const why = response ? 'is no longer kept' : 'can\u2019t be read: posthorn listen does not answer';
    $('detail-title').textContent = `Delivery ${number} ${why}`;
    $('detail-content').hidden = true;
    return;
  }
  $('detail-title').textContent = inLine(delivery.event_type ?? `Delivery ${number}`);
  $('verdict').className = `verdict ${VERDICTS[delivery.verdict.state][0]}`;
  const headline = delivery.verdict.headline;
  $('verdict-headline').textContent = inLine(headline[0].toUpperCase() + headline.slice(1));
  $('advice').replaceChildren(...delivery.verdict.advice.map((advice) => make('li', '', inLine(advice))));
  facts(delivery);
  shownBody = delivery.body;
  $('layout').hidden = shownBody.laid_out === null;
  $('body-note').textContent = [
    `${delivery.body_bytes.toLocaleString()} bytes.`,
    shownBody.is_cut ? 'It went on: only the beginning is kept.' : '',
    shownBody.is_text ? '' : 'Not UTF-8: shown as far as it goes.',
    shownBody.laid_out === null && !shownBody.is_cut ? 'No JSON, or too large to lay out.' : '',
  ].filter(Boolean).join(' ');
  body();
  $('headers').replaceChildren(...delivery.headers.map(([name, value]) => {
    const line = make('tr');
    const head = make('th', '', name);
    head.scope = 'row';
    line.append(head, make('td', '', inLine(value)));
    return line;
  }));
  $('again').hidden = delivery.curl === null;
  $('curl').textContent = delivery.curl ?? '';
  $('copied').textContent = '';
  $('detail-content').hidden = false;
  $('detail').scrollTop = 0;
  if (narrow.matches) {
    scrollTo(0, 0);
    $('detail-title').focus();
  }
}

function fromAddress() {
  const found = /^#delivery-(\d+)$/.exec(location.hash);
  const number = found ? Number(found[1]) : null;
  if (number !== chosen) choose(number);
}

function describe(now) {
  const random = now.fail_rate > 0 ? `; ${Math.round(now.fail_rate * 1000) / 10}\u00a0% get ${now.fail_status} at random` : '';
  const lenient = now.accept_all ? ', verified or not' : '';
  return `${now.status} ${seconds(now.delay_ms)}${random}${lenient}`;
}

const FIELDS = { status: 'status', delay_ms: 'delay', fail_rate: 'rate', fail_status: 'fail-status' };

function showAnswers(now) {
  answers = now;
  $('answering').textContent = describe(now);
  // What somebody is typing stays.
  if ($('answers-form').contains(document.activeElement)) return;
  $('status').value = now.status;
  $('delay').value = now.delay_ms / 1000;
  $('rate').value = Math.round(now.fail_rate * 1000) / 10;
  $('fail-status').value = now.fail_status;
  $('accept-all').checked = now.accept_all;
}

async function changeAnswers(event) {
  event.preventDefault();
  $('answers-done').textContent = '';
  const wanted = {
    status: $('status').valueAsNumber,
    delay_ms: Math.round($('delay').valueAsNumber * 1000),
    fail_rate: $('rate').valueAsNumber / 100,
    fail_status: $('fail-status').valueAsNumber,
    accept_all: $('accept-all').checked,
  };
  const problems = [];
  for (const [field, id] of Object.entries(FIELDS)) {
    const input = $(id);
    input.removeAttribute('aria-invalid');
    if (!input.validity.valid) problems.push([input, input.validationMessage]);
  }
  if (problems.length === 0) {
    const response = await fetch('answers', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(wanted),
    }).catch(() => null);
    if (!response) {
      $('answers-error').textContent = 'Not changed: posthorn listen does not answer. Does it still run?';
      return;
    }
    const answer = await response.json().catch(() => ({ errors: [] }));
    for (const { field, detail } of response.ok ? [] : answer.errors) {
      problems.push([$(FIELDS[field]) ?? $('status'), detail]);
    }
    if (response.ok) $('answers-done').textContent = `From now on: ${describe(answer)}`;
  }
  for (const [input] of problems) input.setAttribute('aria-invalid', 'true');
  $('answers-error').textContent = problems
    .map(([input, why]) => `${document.querySelector(`label[for="${input.id}"]`).textContent}: ${why}`)
    .join(' ');
  problems[0]?.[0].focus();
}

function pause() {
  paused = !paused;
  $('pause').setAttribute('aria-pressed', String(paused));
  if (!paused) {
    for (const delivery of waiting.values()) show(delivery);
    waiting.clear();
  }
  sayPause();
}

function sayPause() {
  $('pause').textContent = paused ? `Go on with the list (${waiting.size} new)` : 'Pause the list';
}

async function copy() {
  try {
    await navigator.clipboard.writeText($('curl').textContent);
    $('copied').textContent = 'Copied.';
  } catch {
    getSelection().selectAllChildren($('curl'));
    $('copied').textContent = 'Selected: copy it with the keyboard.';
  }
}

function start(event) {
  const about = JSON.parse(event.data);
  kept = about.kept;
  $('url').textContent = about.url;
  $('empty-url').textContent = about.url;
  $('dialect').textContent = about.dialect;
  $('secrets').textContent = { 0: 'no secret', 1: 'one secret' }[about.secrets] ?? `${about.secrets} secrets`;
  $('endpoint-fact').hidden = about.endpoint === null;
  $('endpoint').textContent = about.endpoint ?? '';
  $('connection').textContent = 'live';
  deliveries.clear();
  waiting.clear();
  $('list').replaceChildren();
  $('empty').hidden = false;
  $('count').textContent = '';
  sayPause();
}

const began = Date.now();
const stream = new EventSource('stream');
stream.addEventListener('start', start);
stream.addEventListener('answers', (event) => showAnswers(JSON.parse(event.data)));
stream.addEventListener('delivery', (event) => {
  const delivery = JSON.parse(event.data);
  if (paused && !deliveries.has(delivery.number)) {
    waiting.set(delivery.number, delivery);
    if (waiting.size > kept) waiting.delete(waiting.keys().next().value);
    sayPause();
    return;
  }
  // Those that are older than the page are nothing new.
  if (show(delivery) && Date.parse(delivery.at) > began) announce(delivery);
});
stream.addEventListener('error', () => {
  $('connection').textContent = 'lost; trying again…';
});
$('answers-form').addEventListener('submit', changeAnswers);
$('answers').addEventListener('toggle', () => answers && showAnswers(answers));
$('pause').addEventListener('click', pause);
$('copy').addEventListener('click', copy);
$('layout').addEventListener('click', () => {
  const isPressed = $('layout').getAttribute('aria-pressed') === 'true';
  $('layout').setAttribute('aria-pressed', String(!isPressed));
  body();
});
addEventListener('hashchange', fromAddress);
fromAddress();
