local health = { status = "Progressing", message = "Waiting for the controller" }
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end
local stalled, reconciling, suspended
for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.type == "Stalled" and condition.status == "True" then
    stalled = condition
  elseif condition.type == "Reconciling" and condition.status == "True" then
    reconciling = condition
  elseif condition.type == "Suspended" and condition.status == "True" then
    suspended = condition
  elseif condition.type == "Ready" then
    health.message = condition.message
    if condition.status == "True" then
      health.status = "Healthy"
    end
  end
end
if suspended then
  return { status = "Suspended", message = suspended.message }
end
if stalled then
  return { status = "Degraded", message = stalled.message }
end
if reconciling then
  return { status = "Progressing", message = reconciling.message }
end
return health
