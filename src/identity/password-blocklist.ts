/**
 * Words that begin every guessing list, lower case. Passwords under eight characters are refused by length, so short words stand here for
 * their padded forms: `password-rules.ts` strips digits and punctuation from both ends before it compares.
 */
const WORDS = `
password passwort passw0rd p@ssword p@ssw0rd pa55word pa55w0rd passwd passphrase contrasena motdepasse wachtwoord senha parola haslo
qwerty qwertz azerty qwertyuiop qwertzuiop azertyuiop asdfghjkl asdfgh asdfasdf zxcvbnm zxcvbn qazwsx qazwsxedc qweasd qweasdzxc
qweqwe asdasd zaqwsx poiuytrewq lkjhgfdsa mnbvcxz 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc q1w2e3r4 q1w2e3r4t5 zaq12wsx zaq1xsw2
qwer1234 qwerty123456 asdf1234 a1b2c3d4 a1s2d3f4 aa123456 abc12345 abcd1234 abcdef abcdefg abcdefgh abc abcd abcabc
letmein letmein1 welcome welcome1 iloveyou iloveu iloveme loveyou lovely love lover loveme mylove truelove
admin administrator adminadmin administrador root toor rootroot sysadmin superuser superman batman spiderman ironman
guest user username test tester testing testtest test1234 demo default changeme changeit changethis temp temporary
login logon logmein access secret secrets topsecret mysecret private master monkey dragon shadow sunshine princess
football baseball basketball soccer hockey volleyball softball golf golfer tennis rugby cricket
michael jennifer jessica jordan ashley daniel andrew joshua matthew anthony charlie thomas robert william george
nicole michelle amanda hannah samantha melissa stephanie elizabeth alexander alexandra benjamin christian christopher
jonathan nathan patrick richard steven victoria vanessa natasha natalie andrea angela angelina barbara brandon brittany
maria martin marina max oliver peter rachel rebecca sandra sebastian sophie stefan susanne thomas tiffany tyler
starwars startrek pokemon pikachu naruto minecraft fortnite nintendo playstation xbox gamer killer hunter ranger
trustno1 whatever nothing computer internet samsung google facebook youtube twitter instagram linkedin yahoo hotmail gmail
microsoft windows apple iphone macintosh android linux ubuntu debian oracle mysql postgres mongodb cisco juniper
server database network router firewall security cyber hacker matrix phoenix eagle falcon tiger lion panther wolf
mustang ferrari porsche mercedes corvette camaro chevy harley yamaha honda toyota nissan bmw audi
summer winter spring autumn fall january february march april june july august september october november december
monday tuesday wednesday thursday friday saturday sunday sommer winter herbst fruhling
chocolate cookie banana orange cherry strawberry peanut butter cheese pepper ginger coffee pizza apples
purple yellow silver golden black white green blue rainbow diamond crystal angel heaven jesus blessed faith christ
family mother father sister brother daddy mommy babygirl babyboy baby sweetie honey cutie flower butterfly
london paris berlin madrid roma moscow newyork america canada mexico brasil brazil england france germany deutschland italia
liverpool arsenal chelsea manchester barcelona realmadrid juventus bayern cowboys steelers yankees lakers redsox eagles
freedom liberty forever friends friendship happy lucky smile hello helloworld hallo bonjour goodbye peace
computer1 pass word pass1234 passpass password1 password12 password123 password1234 mypassword yourpassword newpassword
correcthorsebatterystaple opensesame sesame abracadabra blink182 metallica nirvana slipknot eminem snoopy garfield
mickey minnie donald scooby scoobydoo winnie tigger bailey buster ginger maggie molly sophie lucky rocky bandit
cheyenne dakota phoenix austin dallas denver houston chicago boston brooklyn texas florida california jasmine
company office business corporate employee manager support helpdesk service system network production staging
zerotrust trust identity vault token
`;

/** Passwords refused whatever surrounds them in digits and punctuation. Lower case. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(WORDS.split(/\s+/).filter((word) => word !== ''));
