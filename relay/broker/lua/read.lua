-- Reads a page of a log, and changes nothing.
--
-- KEYS: the log's stream. ARGV: now|first|since|count|bytes, its position or number, the
-- most entries of a page, and the most bytes.
-- Returns {epoch, id of the newest entry, "1" where closed, id of the oldest, id that the
-- page starts behind, entries, 1 where there is more, field f of the newest entry of a
-- closed log}. Epoch and id are as the meta hash has them, false where it has none; where
-- they make no sense nothing else is read. An entry of more bytes than a page may have
-- comes without its fields.

local stream = KEYS[1]
local kind, value, most_entries, most_bytes = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local CHUNK = 32

local meta = redis.call('HMGET', stream .. ':meta', 'e', 'i', 'f', 'b')
local epoch, top, closed, retained = meta[1], meta[2], meta[3], tonumber(meta[4] or '') or 0

local function offset_of(id) return tonumber(id:match('^(%d+)%-%d+$') or '') end

local function range(from, count) return redis.call('XRANGE', stream, from, top, 'COUNT', count) end

-- size returns all that an entry's fields take, and what its name and data take.
local function size(entry)
  local all, content, fields = 0, 0, entry[2]
  for i = 1, #fields - 1, 2 do
    local n = #fields[i + 1]
    all = all + #fields[i] + n
    if fields[i] == 'e' or fields[i] == 'd' then content = content + n end
  end
  return all, content
end

local function field(entry, name)
  local fields = entry[2]
  for i = 1, #fields - 1, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
end

-- at returns the id of the entry with this offset, 0-0 where there is none.
local function at(offset)
  if offset < 1 then return '0-0' end
  local id = string.format('%.0f', offset)
  local entry = redis.call('XRANGE', stream, id, id, 'COUNT', 1)[1]
  return entry and entry[1] or '0-0'
end

-- back returns the id of the entry before the newest ones that take so many bytes.
local function back(bytes)
  if bytes >= retained then return '0-0' end
  local before, taken, offset = top, 0, nil
  repeat
    local entries = redis.call('XREVRANGE', stream, before, '-', 'COUNT', CHUNK)
    for _, entry in ipairs(entries) do
      local _, content = size(entry)
      taken = taken + content
      if offset and taken > bytes then return at(offset - 1) end
      offset = offset_of(entry[1])
      before = '(' .. entry[1]
    end
  until #entries < CHUNK
  return '0-0'
end

-- page reads entries from an id on.
local function page(from)
  local out, bytes = {}, 0
  while true do
    local entries = range(from, CHUNK)
    for _, entry in ipairs(entries) do
      local all = size(entry)
      if all > most_bytes then entry, all = {entry[1], {}}, 0 end
      bytes = bytes + all
      if #out > 0 and (#out == most_entries or bytes > most_bytes) then return out, 1 end
      out[#out + 1] = entry
    end
    if #entries < CHUNK then return out, 0 end
    from = '(' .. entries[#entries][1]
  end
end

-- since reads what follows the entry with this id. That the entry is there proves that
-- this is the history it stood in. Where it is another one, all that is retained follows.
local function since(id)
  if #redis.call('XRANGE', stream, id, id, 'COUNT', 1) == 1 then return page('(' .. id) end
  local offset, nonce = offset_of(id), id:match('%-(%d+)$')
  local first = range(string.format('%.0f', offset), 1)[1]
  if not first then return {}, 0 end
  local found = offset_of(first[1])
  if found == offset or found == offset + 1 and field(first, 'p') ~= nonce then return page('-') end
  return page(first[1])
end

local top_offset = epoch and top and #top <= 26 and offset_of(top)
if not top_offset or top_offset > 999999999999999 then return {epoch, top, closed, '', '', {}, 0, ''} end

local oldest = range('-', 1)[1]
oldest = oldest and oldest[1] or ''
local from, entries, more = '0-0', {}, 0
if kind == 'now' then
  from = top
elseif kind == 'since' then
  local its_epoch, id = value:match('^(%w+):(%d+%-%d+)$')
  from = id
  if its_epoch ~= epoch or offset_of(id) > top_offset then
    entries, more = page('-')
  elseif id ~= top then
    entries, more = since(id)
  end
else
  if kind == 'count' then from = at(top_offset - tonumber(value)) end
  if kind == 'bytes' then from = back(tonumber(value)) end
  if from ~= top then entries, more = since(from) end
end
local last = closed and redis.call('XRANGE', stream, top, top)[1]
return {epoch, top, closed, oldest, from, entries, more, last and field(last, 'f') or ''}
