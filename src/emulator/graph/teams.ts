import { current, writeOther } from '../directory/others.ts'
import { type Entity, type Group, type Tenant, textOf } from '../directory/types.ts'
import { updateObject } from '../directory/write.ts'
import type { Reply } from '../exchange.ts'
import { notFound } from '../graphErrors.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { listReply } from './list.ts'
import { noContent } from './reply.ts'
import { singleReply } from './single.ts'
import { checkValues, invalidValue } from './validate.ts'

/** As the pages of group and team give them; the schema has them for groups only. */
const lengths: Readonly<Record<string, number>> = { displayName: 256, description: 1_024 }

export const teamRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/teams',
    answer: (context) => {
      const items = teamGroups(context.tenant).map(listedTeam)
      return listReply(context, { types: ['team'], items, contextName: 'teams' })
    },
  },
  {
    method: 'GET',
    path: '/teams/{id}',
    answer: (context) => singleReply(context, wholeTeam(context.tenant, groupOf(context)), 'teams'),
  },
  { method: 'PATCH', path: '/teams/{id}', answer: patchTeam },
  {
    method: 'GET',
    path: '/teams/{id}/members',
    answer: (context) => {
      const group = groupOf(context)
      return listReply(context, {
        types: ['aadUserConversationMember'],
        items: membersOf(context.tenant, group),
        contextName: `teams('${group.id}')/members`,
      })
    },
  },
  {
    method: 'GET',
    path: '/teams/{id}/channels',
    answer: (context) => {
      const group = groupOf(context)
      return listReply(context, {
        types: ['channel'],
        items: [generalChannel(context.tenant, group)],
        contextName: `teams('${group.id}')/channels`,
      })
    },
  },
]

function teamGroups(tenant: Tenant): Group[] {
  return tenant.groups.filter(isTeam)
}

function isTeam(group: Group): boolean {
  const options = group.data.resourceProvisioningOptions
  return Array.isArray(options) && options.includes('Team')
}

function groupOf({ params, tenant }: GraphCallContext): Group {
  const [id = ''] = params
  const group = tenant.byId.get(id.toLowerCase())
  if (group?.type !== 'group' || !isTeam(group)) throw notFound(id)
  return group
}

/** A list has four properties of a team; the others are there and null. */
function listedTeam(group: Group): Entity {
  const { seq, id } = group
  const { displayName = null, description = null } = group.data
  const visibility = textOf(group, 'visibility').toLowerCase()
  return { seq, id, type: 'team', data: { id, displayName, description, visibility } }
}

function wholeTeam(tenant: Tenant, group: Group): Entity {
  const listed = listedTeam(group)
  const data = {
    ...listed.data,
    createdDateTime: group.data.createdDateTime ?? null,
    isArchived: false,
    memberSettings: {
      allowAddRemoveApps: true,
      allowCreatePrivateChannels: true,
      allowCreateUpdateChannels: true,
      allowCreateUpdateRemoveConnectors: true,
      allowCreateUpdateRemoveTabs: true,
      allowDeleteChannels: true,
    },
    guestSettings: { allowCreateUpdateChannels: false, allowDeleteChannels: false },
    messagingSettings: {
      allowChannelMentions: true,
      allowOwnerDeleteMessages: true,
      allowTeamMentions: true,
      allowUserDeleteMessages: true,
      allowUserEditMessages: true,
    },
    funSettings: {
      allowCustomMemes: true,
      allowGiphy: true,
      allowStickersAndMemes: true,
      giphyContentRating: 'moderate',
    },
    tenantId: tenant.id,
    webUrl: `https://teams.microsoft.com/l/team/${group.id}`,
  }
  const [team = listed] = current(tenant.others, [{ ...listed, data }])
  return team
}

function patchTeam(context: GraphCallContext): Reply {
  const { tenant, request } = context
  const group = groupOf(context)
  const { displayName, description, visibility, ...settings } = checkValues(
    'team',
    readBody(request),
  )
  for (const [name, value] of Object.entries({ displayName, description })) {
    if (String(value).length > (lengths[name] ?? 0)) throw invalidValue('team', name)
  }
  const ofGroup = {
    ...(displayName === undefined ? {} : { displayName }),
    ...(description === undefined ? {} : { description }),
    ...(visibility === undefined ? {} : { visibility: capitalised(String(visibility)) }),
  }
  if (Object.keys(ofGroup).length > 0) updateObject(tenant, group, ofGroup)
  if (Object.keys(settings).length > 0) writeOther(tenant.others, group.id, settings)
  return noContent()
}

/** Groups write `Private` where teams write `private`. */
function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Owners are members with a role; a member's id is of the membership, not of the person. */
function membersOf(tenant: Tenant, group: Group): Entity[] {
  const owners = new Set(group.owners.map(({ id }) => id))
  return group.members
    .filter((member) => member.type === 'user')
    .map((user) => {
      const id = Buffer.from(`${group.id}##${user.id}`).toString('base64')
      const data = {
        id,
        displayName: user.data.displayName ?? null,
        email: user.data.mail ?? null,
        roles: owners.has(user.id) ? ['owner'] : [],
        tenantId: tenant.id,
        userId: user.id,
      }
      return { seq: user.seq, id, type: 'aadUserConversationMember', data }
    })
}

/** Every team has this one; further ones are not emulated. */
function generalChannel(tenant: Tenant, group: Group): Entity {
  const id = `19:${group.id.replaceAll('-', '')}@thread.tacv2`
  const data = {
    id,
    createdDateTime: group.data.createdDateTime ?? null,
    description: null,
    displayName: 'General',
    isArchived: false,
    membershipType: 'standard',
    tenantId: tenant.id,
    webUrl: `https://teams.microsoft.com/l/channel/${encodeURIComponent(id)}`,
  }
  return { seq: 1, id, type: 'channel', data }
}
