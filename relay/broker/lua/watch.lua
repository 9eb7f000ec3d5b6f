-- Notes that a node watches a log (ARGV: its name, the seconds of its lease), or not any
-- more (0 seconds). Publishes "1" when it is the first to watch, "0" when it was the last.
-- KEYS: the sorted set of watching nodes, scored by when their leases end, in ms.

local key, node, lease = KEYS[1], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local kind = redis.call('TYPE', key)
if (kind.ok or kind) ~= 'zset' and (kind.ok or kind) ~= 'none' then redis.call('DEL', key) end

local was = redis.call('EXISTS', key)
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
if lease > 0 then
  redis.call('ZADD', key, string.format('%.0f', now + lease * 1000), node)
  redis.call('EXPIRE', key, lease)
else
  redis.call('ZREM', key, node)
end
local is = redis.call('EXISTS', key)
if is ~= was then redis.call('PUBLISH', key, tostring(is)) end
return is
