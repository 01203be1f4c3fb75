import { type Language, languages } from './names.ts'

export interface Office {
  weight: number
  city: string
  /** The state or province where one belongs into an address. */
  state: string | null
  country: string
  /** ISO 3166, two letters. */
  code: string
  postalCode: string
  street: string
  /** Country and area code; extensions follow. */
  phone: string
  /** What mobile numbers there begin with. */
  mobile: string
  locale: string
  language: Language
}

/** Weight, city, state, country, code, postal code, street, phone, mobile, locale, language. */
const rows: readonly string[] = [
  '14|New York|NY|United States|US|10018|1411 Broadway|+1 212 555|+1 917 555|en-US|en',
  '10|Berlin||Germany|DE|10117|Friedrichstraße 68|+49 30 23125|+49 1512 345|de-DE|de',
  '9|London||United Kingdom|GB|EC2A 4NE|12 Curtain Road|+44 20 7946|+44 7700 900|en-GB|en',
  '8|Austin|TX|United States|US|78701|98 San Jacinto Blvd|+1 512 555|+1 737 555|en-US|en',
  '7|München|Bayern|Germany|DE|80331|Sendlinger Straße 8|+49 89 99998|+49 1522 345|de-DE|de',
  '7|Paris||France|FR|75009|21 rue La Fayette|+33 1 99 00|+33 6 39 98|fr-FR|fr',
  '7|Bengaluru|Karnataka|India|IN|560001|4 MG Road|+91 80 4555|+91 98450|en-IN|hi',
  '6|Madrid||Spain|ES|28013|Gran Vía 32|+34 910 555|+34 600 555|es-ES|es',
  '5|Chicago|IL|United States|US|60606|233 S Wacker Drive|+1 312 555|+1 872 555|en-US|en',
  '4|Milano|MI|Italy|IT|20121|Via Manzoni 12|+39 02 5550|+39 333 555|it-IT|it',
  '4|Amsterdam||Netherlands|NL|1012 RR|Damrak 70|+31 20 555|+31 6 1555|nl-NL|nl',
  '4|Warszawa||Poland|PL|00-697|Aleje Jerozolimskie 65|+48 22 555|+48 601 555|pl-PL|pl',
  '3|Stockholm||Sweden|SE|111 57|Drottninggatan 50|+46 8 555|+46 70 155|sv-SE|sv',
  '3|Toronto|ON|Canada|CA|M5V 2T6|370 King Street W|+1 416 555|+1 647 555|en-CA|en',
  '3|Sydney|NSW|Australia|AU|2000|60 Margaret Street|+61 2 5550|+61 491 570|en-AU|en',
  '2|Shanghai||China|CN|200120|100 Century Avenue|+86 21 5555|+86 139 1555|zh-CN|east',
  '2|Tokyo||Japan|JP|100-0005|1-9-1 Marunouchi|+81 3 4555|+81 90 1555|ja-JP|east',
  '2|İstanbul||Türkiye|TR|34394|Büyükdere Caddesi 127|+90 212 555|+90 532 555|tr-TR|tr',
]

export const offices: readonly Office[] = rows.map((row) => {
  const [weight, city = '', state = '', country = '', code = '', ...others] = row.split('|')
  const [postalCode = '', street = '', phone = '', mobile = '', locale = '', language] = others
  return {
    weight: Number(weight),
    city,
    state: state === '' ? null : state,
    country,
    code,
    postalCode,
    street,
    phone,
    mobile,
    locale,
    language: languages.find((one) => one === language) ?? 'en',
  }
})
