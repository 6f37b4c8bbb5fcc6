-- Asks Cordon whether a request may go on, before HAProxy forwards it.

local ASK = "http://127.0.0.1:9091/forward-auth/haproxy"
local TIMEOUT_MS = 3000

-- Everything Cordon says about the request; it replaces what the client has sent, also when it is empty.
local FROM_CORDON = {
  "cookie", "authorization", "x-cordon-assertion", "x-cordon-groups-omitted",
  "remote-user", "remote-name", "remote-email", "remote-groups",
}

-- What describes the question and not the request.
local NOT_ASKED = {
  ["content-length"] = true, ["transfer-encoding"] = true, ["connection"] = true, ["expect"] = true, ["host"] = true,
  ["x-forwarded-method"] = true, ["x-forwarded-proto"] = true, ["x-forwarded-host"] = true, ["x-forwarded-uri"] = true,
  ["x-forwarded-for"] = true,
}

local function refuse(txn, status, headers, body)
  local reply = txn:reply()
  reply:set_status(status)
  for name, values in pairs(headers or {}) do
    if name ~= "content-length" and name ~= "transfer-encoding" and name ~= "connection" then
      for _, value in pairs(values) do reply:add_header(name, value) end
    end
  end
  reply:set_body(body or "")
  txn:done(reply)
end

core.register_action("cordon", { "http-req" }, function(txn)
  local sent = txn.http:req_get_headers()
  local asked = {}
  for name, values in pairs(sent) do
    if not NOT_ASKED[name] then asked[name] = values end
  end
  local host = sent["host"]
  if not host or host[1] then
    refuse(txn, 400)
    return
  end
  asked["host"] = { [0] = "cordon" }
  asked["x-forwarded-method"] = { [0] = txn.f:method() }
  asked["x-forwarded-proto"] = { [0] = txn.f:ssl_fc() == 1 and "https" or "http" }
  asked["x-forwarded-host"] = { [0] = host[0] }
  asked["x-forwarded-uri"] = { [0] = txn.f:pathq() }
  asked["x-forwarded-for"] = { [0] = txn.f:src() }

  local answer = core.httpclient():get({ url = ASK, headers = asked, timeout = TIMEOUT_MS })
  if not answer or answer.status == 0 then
    refuse(txn, 503)
    return
  end
  if answer.status ~= 200 then
    refuse(txn, answer.status, answer.headers, answer.body)
    return
  end
  for _, name in ipairs(FROM_CORDON) do
    txn.http:req_del_header(name)
    local values = answer.headers[name]
    if values and values[0] ~= "" then txn.http:req_add_header(name, values[0]) end
  end
  txn:set_var("txn.cordon_permits", true)
end)
