// Calls a gateway over mTLS as an agency with a Node stack would: one exchange, and one refusal.
// What to call comes as JSON on standard input; what was found goes out as JSON.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const told = JSON.parse(fs.readFileSync(0, "utf8"));
const options = {longs: String, enums: String, bytes: Buffer, includeDirs: [told.proto]};
const loaded = loader.loadSync(path.join("gateway", "v1", "exchange.proto"), options);
const service = grpc.loadPackageDefinition(loaded).gateway.v1.ExchangeService;

function client(cert, key) {
  const read = (name) => fs.readFileSync(name);
  const credentials = grpc.credentials.createSsl(read(told.ca), read(key), read(cert));
  return new service(told.target, credentials, {"grpc.ssl_target_name_override": told.server});
}

function exchange(one, token, request) {
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return new Promise((resolve) => {
    const messages = [];
    const call = one.exchange(request, metadata, {deadline: Date.now() + 20000});
    call.on("data", (message) => messages.push(message));
    call.on("error", (error) => resolve({messages, error}));
    call.on("end", () => resolve({messages, error: null}));
  });
}

// google.rpc.Status and ErrorInfo, read by hand: a few fields of length-delimited protobuf.
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0, shift = 0, byte;
    do {
      byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while (byte & 0x80);
    return value;
  };
  while (at < bytes.length) {
    const tag = varint();
    if ((tag & 7) === 0) {
      yield [tag >> 3, varint()];
    } else {
      const length = varint();
      yield [tag >> 3, bytes.subarray(at, at + length)];
      at += length;
    }
  }
}

function info(error) {
  const [status] = error.metadata.get("grpc-status-details-bin");
  for (const [number, detail] of fields(status)) {
    if (number !== 3) continue;
    const any = Object.fromEntries(fields(detail));
    if (!any[1].toString().endsWith("google.rpc.ErrorInfo")) continue;
    const found = {metadata: {}};
    for (const [part, value] of fields(any[2])) {
      if (part === 1) found.reason = value.toString();
      if (part === 3) {
        const pair = Object.fromEntries(fields(value));
        found.metadata[pair[1].toString()] = pair[2] ? pair[2].toString() : "";
      }
    }
    return found;
  }
  return {metadata: {}};
}

async function main() {
  const own = client(told.cert, told.key);
  const {messages, error} = await exchange(own, told.token, told.request);
  if (error) throw error;
  const other = client(told.otherCert, told.otherKey);
  const refused = await exchange(other, told.otherToken, told.refused);
  const why = info(refused.error);
  const last = messages[messages.length - 1];
  process.stdout.write(JSON.stringify({
    clause: messages[0].header.clause,
    rows: messages.reduce((sum, one) => sum + (one.batch ? one.batch.rows.rows.length : 0), 0),
    receiptRows: Number(last.receipt.rowCount),
    code: refused.error.code,
    reason: why.reason,
    refusedClause: why.metadata.clause,
  }));
  own.close();
  other.close();
}

main().catch((error) => {
  process.stderr.write(`${error.code} ${error.details || error}\n`);
  process.exitCode = 1;
});
