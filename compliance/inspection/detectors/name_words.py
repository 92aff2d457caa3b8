"""Frequent given names and surnames of several origins, and capitalised words that are no part of a name."""

from __future__ import annotations

from compliance.inspection.detectors.context import words

GIVEN_NAMES = words(
    """
    aadhya aarav aaron abdul abdullah abigail achieng adaeze adam adebayo adel adelaida adele adeola aditi aditya
    adnan adoracion adrian adriana advait afonso agathe agnes agneta agnieszka agustin ahmad ahmed aidan aiden aigul
    aileen aimee aisha aishwarya ajay akash akiko akira akosua akshay alan alana albert alberto alec alejandra
    alejandro aleksander aleksandra alessandro alessia alex alexa alexander alexandra alexandre alexia alexis alfred
    alfredo ali alice alicia alisha alison aliya allan allen allison alma alok alonso althea alvin alyson alyssa
    amadou amal amanda amar amara amelia amelie amina amir amit amparo amrita amy ana anahit anais anand ananya
    anastasia anatoly anders andre andrea andreas andrej andres andrew andrzej andy angela angelica angelo anh anika
    aniket anil anirudh anita anjali anke ankit ankita ann anna annabel annabelle anne annegret anneli anneliese
    annemarie annette annie annika anoop anselmo anthony antoine antoinette anton antonio anush anushka anwar anya
    aoife aparna apolonia arantxa aravind archana ariana arielle arjun arlene armando armen arnaud arnav arnold
    arthur arturo arun arvid arvind asha ashley ashok ashwin asif aslan asma astrid asuka attila audrey auguste
    augustin aurelie aurelio aurore ava avani avery axel ayaan ayesha ayman ayodele ayse ayumi azamat aziz babatunde
    balazs baltasar balthasar balwinder barbara barbel barnaby barry bart bartosz bashir basilio bastien bautista
    beatrice beatriz becky belen ben benedict bengt benjamin benny benoit beppe bernabe bernadette bernard bernardo
    bernd bernhard bernice bernie bertil beth bethany betty beverly bharat bhavesh bhavna bhupinder bianca bilal
    binta birgit birgitta bjorn blake blanche bob bobby bogdan boguslaw bohdan bonnie boris bozena brad braden
    bradley brady brandi brandon branko brenda brendan brent brett brian brianna bridget britta brittany brock bruce
    brunhilde bruno bryan bryant bryce burak burkhard byron caitlin caleb callum calum calvin cameron camila camille
    candelaria caoimhe capucine carina carl carla carlos carlotta carmen carmina carol caroline carolyn carrie casey
    casimiro cassandra cassidy catalina catherine cathleen cathy cecile cecilia cedric celestino celia celine cerys
    cesar cesareo chandra chandran chantal charlene charles charlie chau chen cheryl chester chiamaka chiara chidi
    chihiro chika chinedu chinonso chinwe chitra chloe chris christer christian christina christine christoph
    christopher chuck chukwu chukwuemeka chukwuma chun ciara ciaran cillian cindy ciriaco claire clara claude
    claudia clay clayton clementine clifford clinton colby colette colin colleen concepcion connie connor conor
    conrad constance consuelo cordelia corentin corey corinne cornelis cornelius cory cosimo courtney craig cressida
    crispin cristina cristobal curtis cynthia cyril daan dagmar daiki daisuke dale dalia damaso damian damien dan
    dana daniel daniela danielle danny danuta daphne dariusz darlene darnell darrell darren darryl darshan daryl
    dave david davide dawit dayo deanna debbie deborah debra declan deepa deepak deepika deirdre delia delores
    delphine denis denise dennis denny derek desiderio desiree desmond detlef devi devin devon dexter dhruv diana
    diane dianna dianne didier diego dieter dietmar dietrich dilip dimitri dimitris dina dinesh dirk divya dmitri
    dmitriy dmytro dolores dominic dominique donald donatella donna dora doreen dorian doris dorotea dorothee
    dorothy doug douglas dragan duane duarte dubravka duc duncan dustin dwayne dwight dylan eamonn ebele eberhard
    ebony eckhard ed eddie edeltraud edgar edgardo edith edmund edna edoardo eduardo edward edwin eero effie efrain
    efua egon eileen eilidh eino eira ekene elaina elaine elbert eleanor elena eleni eleonore eleuterio elfriede
    elias elif eligio elijah elin elisa elisabeth elisabetta elise eliza elizabeth elke ella ellen elliot elliott
    elmer elodie elsa elsie elton eman emeka emerson emery emi emil emile emilia emiliano emilio emily emma emmanuel
    emmanuelle emre encarnacion engelbert enid enrique enzo eoin erhard eric erica erich erik erika erin ernest
    ernestina ernestine ernesto ernst erwin eskil esmeralda esperanza esteban estefania estelle esther eszter ethan
    ethel etienne eufemia eugene eugenia eugenie eun eunji eusebio eustaquio eva evan evaristo evelyn evgeny ewa
    ewald ewan ewelina ezequiel ezinne fabian fabien fabio fabiola fabrice fabrizio fadekemi fadi fadil faisal farah
    fares farhan farid fatima fatma fatuma fausto fawzi federico felicia feliciano felicien felipa felipe felix femi
    femke ferdinand ferenc fergus ferhat fernanda fernando filippo finley finn fiona flavia flavio flora florencio
    florent florian folake fortunato frances francesca francesco francis francisco franco francois frankie franz
    franziska fraser fred freda freddie frederick freya frieda friederike friedhelm friedrich fritz fumiko funmi
    gabor gabriel gabriela gabriele gabrielle gagan gail galina ganesh gareth garry garth gary gaston gaurav gauri
    gavin gbenga geertruida geeta gemma gene genevieve gennaro genoveva geoff geoffrey george georgina gerald
    geraldine gerard gerardo gerhard gerlinde gernot gerrit gerry gertrud gervasio ghassan ghislaine giacomo giang
    gianluca gianni gideon gilbert gilberte giles gilles gina ginger giorgi giorgia giorgio giorgos giovanni girish
    gisela giulia giuseppe gladys glen glenda glenn gloria goncalo gonzalo gopal goran gordon gottfried gottlieb
    govind graciela grainne grazyna greg gregorio gregory greta gretchen griffin grigory grzegorz guadalupe guang
    gudrun guenter guillaume guillermo guinevere gulnara gunilla gunnar gunter gunther guo gurpreet gustavo gwen
    gwendolyn gwyneth habib haejin haifa haiyan hakan hakon hala halima halina halvor hamid hamish hamza hana hani
    hank hannah hannelore hans haoran harald hari harini haris harish harold haroon harpreet harriet harry harsh
    hartmut haruka haruki haruna haruto hasan hassan hatem hatice hattie hazel heather hector hedda hedwig heidi
    heike heinrich heinz heitor helen helena helene helga helmi helmut helmuth hemant hendrik henning henri
    henrietta henriette henrik henry herbert herberto herman herta herve hiba hideo hien hieu hilario hilary hilda
    hilde hildegard hina hiroko hiroshi hisham hitomi holger hollie holly hortensia hossam hovhannes howard hubert
    hubertus huda hugh hugo hugues hui humberto huong hussein hyejin hyun hyunwoo ian ibrahim ida ieuan ifeanyi
    ifeoma ignacia ignacio igor ihor ilaria ildefonso ilona ilse imani imogen imran ina inacio indira indrani ines
    ingeborg inger ingmar ingrid ingvar inmaculada inocencio ioana ioannis irene irina irma irmgard irvin irving
    isaac isabel isabela isabella isabelle isha ishaan isidora isidro isla ismail isobel istvan ivan ivana jabir
    jacinto jackie jaclyn jacob jacobus jacqueline jacquelyn jacques jadwiga jaehyun jagdish jaime jake jakub jalal
    jamal james jamie jamila jan jana jane janelle janet janette janice janie jared jarl jaroslaw jasmin jasmine
    jason jaspreet jatin javier jay jaya jayesh jayne jean jeanette jeanne jeannie jeannine jeff jeffery jeffrey
    jelani jemma jenaro jenifer jenna jennifer jenny jeremiah jeremy jeri jermaine jeroen jerome jeronimo jerry
    jerzy jesper jess jesse jessica jessie jesus jiahao jian jianguo jiayi jihoon jihye jill jim jimmy jing jiri
    jisoo jiwoo jo joachim joakim joan joana joanie joann joanna joanne joao joaquin jocelyn jochen jodi jody joe
    joel johan johanna johannes john johnny jolanta jolene jon jonas jonathan joon joost jorg jorge jorgen jorn jose
    josef josefa josefina joseph josephine josette josh joshua josiah josie jovana joyce juan juana juanita judd
    judi judith judy jukka julia julian juliana julie julien julienne julio jung jurgen justin justine jutta jyoti
    kabir kaede kaisa kaitlyn kaja kalpana kalyani kamal kamau kamila kamlesh kanako kaori kara kareem karen kari
    karima karin karina karl karla karly karthik kartik kasey katarzyna kate katelyn katharine kathe katherine kathi
    kathleen kathryn kathy katie katja katrina kaushik kavita kayla kayleigh kazimierz kazuki kazuo keegan kehinde
    keiko keira keisha keith kelly kelsey kemi ken kendra kenji kenneth kenny kenta kerri kerry kerstin ketevan
    kevin khadija khadijah khaled khalid khalil khanh kiara kiera kieran kim kimberly kiran kirsten kirsty kishore
    kiyoshi kjell klaus knut kofi koji kojo konrad kostas kris krishna krishnan krista kristen kristi kristin
    kristina kristy krystyna krzysztof kumar kunal kunigunde kurt kwabena kwaku kwame kwesi kyle kyung lachlan
    laetitia laila lakeisha lakshmi lalit lamar lana lara larisa larry lars lasse laszlo lata latifa latisha latoya
    laura lauren laurence laurent laurie lauryn lavanya lawrence leah leandra leandro leanne lee leif leila lena
    leni lennart lenora leo leon leonard leonardo leonce leonid leonie leonor leonora leonore leopold leopoldo
    lerato leroy leslie lester leszek leticia letitia lettie levan levi lewis liam lidia lidija lieke liesel
    lieselotte lihua lila lilia lillian lina linda lindiwe lindsay lindsey linh lionel lisa lisandro liu lixin liza
    ljubica loan lois lola lone lonnie lopa lora lorena lorenza lorenzo loretta lori lorna lorraine lothar lotte
    lottie louella louis louise luana luc luca lucas lucia luciana luciano lucie lucien lucienne lucille lucio lucy
    ludmila ludovic ludwig luella luigi luis luisa luise lukas lukasz luke lula luther lutz lydia lyle lynda lynn
    lynne lyubov maarten mabel macarena macario maciej mackenzie madeleine madeline madhavi madhu madhuri magda
    magdalena maggie maha mahdi mahesh mahika mahmoud maisie majid makoto malcolm malgorzata malik malika malin
    mallory mamadou mandla mandy manfred manish manoj manolo manpreet manuel marc marcel marcelino marcella marcelle
    marcelo marcia marcin marco marcos marcus marcy marek margaret margarete margarethe margarita margaux margie
    margo margot marguerite maria mariam mariama marian mariana marianne maribel maribeth marie marieke marijke
    mariko marilee marilyn mario marisol marissa mariusz mariza marjorie markus marla marlene marlies marlon marsha
    marta martha martin martina martine marvin mary maryam maryse masako masaru massimo mateo mateusz mathias
    mathieu mathilde matias mats matt matteo matthew matthias mattie maude maureen maurice mauricio mavis maxence
    maxime maximiliano maximo maxine maya mayank mbali mcKenzie mechthild meena meera megan megumi mehmet mei
    meiling meinhard melanie melchor melinda melissa mengyao meredith merle mette michael michaela michel michele
    michelle michiko mick mieczyslaw miguel mihai mika mikael mike mikhail mikko mila milan mildred millie milo
    milos milton mina minh minho minji minjun minnie minoru minseo miranda mireille mirela mirella miriam miroslaw
    missy mitch mitchell miyuki mohamed mohammad mohammed mohan mohit moira molly mona monica monika monique monty
    morag morten moses moussa mrinal muhammad mukesh mukund muna murat muriel murilo mustafa mwangi mykola myles
    myra myrna myron nabil nadia nadim nadine namrata nancy nandini nandita nanette naoki naoko naomi narek naresh
    nasir nasser natalia natalie natasha nathalie nathan nathaniel naveen nawal ned neelam neha neil nell nellie
    nelson nettie nga ngan ngoc ngozi nhung nia niamh nicanor nicholas nick nicky nicola nicolas nicole nicoletta
    niels nigel nigella nikhil nikita nikola nikolai nikolay nikos nils nina nirmala nisha nitin nizar njeri nkechi
    nkem nnamdi nneka noah nobuo noel noelle noemi noemie nomsa nomvula noor nora norbert norberto noreen noriko
    norma norman nour nuria nurlan obinna octavia octavio oddvar odette odile oisin oksana olabisi olaf oleg
    olegario olena olga oliver olivia olivier ollie olumide oluwadamilare oluwaseun omar omer omkar onyeka orlando
    ornella ortrud orville osama oscar oskar oskari osman otavio otieno otis otmar ottilie otto ousmane ovidio owen
    ozlem pablo padma padraig paige palesa pallavi paloma pam pamela paolo parvati pascal pascale pascual pasquale
    patricia patricio patrick patsy patti patty paul paula paulette paulina pauline paulo pavel pawel pedro peggy
    pekka penelope penny percival percy pernille perrine pete peter petr petra petrus phil philip philippa philippe
    philippine phillip phoebe phuc phuong phyllis piero pierre pieter pietro piotr piyush plinio policarpo polly
    pooja prabhu prachi pradeep prakash pranav praneel prasad prashant pratibha pratik praveen preethi preeti
    preston pri priscila priscilla priya priyanka przemyslaw qasim qiang qing quang quentin quincy quyen quynh rabia
    rachana rachel radha radhika radu rafael rafaela rafal rafe raffaele raghav raghu ragnar ragnhild rahim rahul
    raina rainer raisa raj rajan rajani rajeev rajendra rajesh rajiv rakesh ralf ralph ramesh ramiro ramon ramona
    ramsey rana randal randall randi randy rania ranjit ranveer raphael raquel rashid rashida rashmi rasmus raul
    ravi raymond raymonde raymundo reba rebecca reece reem reggie reginald regine reiko reinhard reinhold rekha remi
    remy renata renate renato rene renee reuben reyansh reynaldo rhian rhiannon rhonda rhys ricarda ricardo riccardo
    richard rick ricky rida rigoberto rishi rita ritika riyad robert roberta roberto rocco rochelle rocio roderick
    rodney rodolfo rodrigo rogelio roger rohan rohit roisin roland rolando rolf romain roman ron ronald ronnie rory
    rosa rosalba rosalie rosalind rosalinda rosalyn rosanna rosanne rosario rosaura roscoe roseanne rosemarie
    rosemary roshan rosie roswitha rowena roxana roxanne roy ruben rubin rudiger rudolf rufino rufus ruggero rukmini
    rune ruoxi rupa rupert ruperto russell rustam ruth ruthie ruud ryan ryo ryota ryszard saad saanvi sabah sabine
    sabrina sachin sade sadie saeed safia sahar sahil saima sakura salah salifu sally salma salome salvador
    salvatore sam samantha sameer samir sammy samuel sandeep sandra sandrine sandy sangeeta sangwoo sanjana sanjay
    sanjeev sanne santiago santosh sanya saoirse sara sarah sarita sasha satish satoshi saturnino saul saundra
    savita sayed sayuri scott sean sebastian sebastien segismundo segun sekou selena selin selma seojun seoyeon
    seppo serena sergei sergio serkan seth seungmin seymour shan shana shanaya shane shaniqua shannon shari sharon
    sharyl shaun shauna shawn shazia sheila shelby sheldon shelia shelly sherman sherri sherry sherwin shigeru
    shilpa shinji shirin shirley shiro shivani shota shreya shruti sian siddharth sidney siegfried sieglinde
    siegmund sigfrido sigmund signe sigrid sigurd silas silke silvana silvia silvio simeon simon simone simran
    sindre sinead siobhan sipho sissel siyabonga sizwe sjoerd slavica slawomir sloan smita sneha snezana sofia sofie
    sohail solange solomon solveig sonali sondra sonia sonja sonny soojin sophia sophie soraya soren souta spencer
    srinivas stacey stacie stacy stan stanislaw stavros stefan stefanie stefano stella stephan stephane stephanie
    stephen steve steven stewart stig stina stuart subhash subramaniam sudha sudhir suhani sujata sukhdev suleiman
    suman sumaya sunhee sunil sunita suresh susan susanne sushila suzanne svein sven svetlana swati sybil sylvain
    sylvia sylvie szilvia szymon tabitha tadashi tadeusz taha tahir taiwo taj takeshi tamar tamara tami tamika tammy
    tamsin tandi tanisha tanvi tanya tapio tara taras tariq tasha tatiana ted telmo temitope tendai teodoro teresa
    terje terrance terrence terri terry tess tessa thabo thad thaddeus thandi thandiwe thanh thao thelma themba theo
    theodora theodore theophile theresa therese thiago thibault thibaut thierry thijs thomas thora thorsten thulani
    thuy tia tiago tien tiffany tihana tilmann tim timoteo timothy timur tina tiziana tjeerd tobias tobin toby todd
    tom tomas tomasa tomasz tommy tomoe tomoko toni tony torbjorn torsten toshiro tracey tracie tracy trang travis
    trent trevor tricia trina trinh trisha trista tristan trond troy trudy trung trygve tuan tunde tuomas tuyet
    tyler tyra tyrone uday ulf ulises ulla ulrich ulrike ulysses uma umar umberto ursula urvi usha usman ute uwe
    vaclav vaibhav valentin valentina valerie vandana vanessa vanya varun vasant vasile vasyl vaughn vedika veena
    velma venceslao vera verna vernon veronica veronique vesna vicenta vicente vicki vickie vicky victoire victor
    victoriano vidar vidya viggo vihaan vijay vikram vinay vincent vincenza vincenzo vinod viola violet virgil
    virgilio virginie vishal vitaly vitoria vittorio viv vivaan vivek vivian vivienne vladimir volker vyacheslav
    wafa walid wallace wallis walter walther waltraud wanda wang wanjiru warner warren wayne wei wendell wendy
    werner wes wesley whitney wieslaw wilbur wilfred wilfredo wilfried wilhelm wilhelmina wilhelmine willem william
    willie wilma wim winifred winnie winston witold wojciech wolfgang wolfram woodrow woojin wouter xavier xia
    xiaofeng xiaoling xiaoming ximena xin xiu xiulan xuan xue yahya yamini yan yann yannick yara yash yasir yasmeen
    yasmin yasmine yaw yejin yelena yeonhee yesenia yevgeny yewande yifan yilmaz ying yngve yoko yolanda yosef
    yoshiko younes youngho youssef yue yuki yuko yumi yuna yuri yusuf yuto yuuki yuvraj yuxin yves yvette yvonne
    zacarias zachary zack zahra zaid zainab zainabu zakaria zander zanele zara zdenek zelda zena zeynep zhang zhen
    zhi zhiwei ziad zihan zinaida zoe zofia zoltan zoran zsofia zsolt zsuzsanna zubair zulema zuri zvonko
    """
)

# Given names that are places, months, things or everyday words as well: a name only with a frequent surname.
DOUBTFUL_GIVEN_NAMES = words(
    """
    abel alba amber angel april art ash asia august aurora austin autumn bill bo brook brooke bud candy carter
    celeste chad chance chao charity charlotte chase chelsea christy clarence clark clement cliff cole crystal daisy
    dakota dallas dawn dean deniz destiny drew earl eden elle eve faith feng fern florence ford frank gay georgia
    ginny grace graham grant gus guy hal hao harmony harper heath homer hong hope houston hua hunter ike iman india
    iris israel ivy jack jackson jade jia jie jin jordan joy jun june justice kai kent kirk lan lance lane lei lily
    lincoln ling lloyd logan lourdes luz madison mae marion mark mason max may melody mercedes mercy miles min ming
    morgan murray nada nam nova olive opal page paris parker pat pearl ping quinn ray reed regina rex rich river rob
    robin rod rosa rose ruby rusty said sana savannah sierra skip sky stanley stone sue summer sydney tad tao taylor
    thi trinity tucker van vance victoria virginia wade ward wen will woody yang yu zion
    """
)

SURNAMES = words(
    """
    abernathy acosta adams adeyemi aguilar aguirre ahmed akhtar alexander ali allen alvarado alvarez andersen
    anderson andersson andrews armstrong arnold ayala bailey baker ballard banks barber barnes barnett barrett
    barton bauer beck becker bell bennett benson berger bergman bergstrom bernard berry bianchi bishop black
    blackwell blackwood blair blake blanchard bowman boyd bradford bradley brady brennan briain briggs brooks brown
    bryan bryant buchanan burgess burke burnett burns butler byrd byrne cabrera calderon caldwell callahan camacho
    cameron campbell cannon cardenas carlson carpenter carr carroll carter castellano castillo castro cervantes chan
    chandler chang chapman chaudhry chavez chen choi chopra chowdhury christensen clair clarke cobb cohen cohn cole
    coleman collins conner contreras conway cook cooke cooper copeland cortez costa cox crawford cross cruz
    cunningham curtis dalton daniels davidson davis dawson day dean delacroix delacruz deleon delgado desai diaz
    dixon doe dominguez donovan douglas doyle dubois duncan dunn dupont edwards elliott ellis ellsworth eriksen
    eriksson espinoza estrada evans farouk farrell feldman ferguson fernandez ferrari ferreira fields figueroa
    finley fischer fisher fitzgerald fitzpatrick fleming fletcher flores floyd fonseca ford foster fowler fox
    franklin frazier freeman friedman fuentes fujita fuller gallagher gallegos garcia gardner garner garrett garza
    george gibson gilbert glover gomez gonsalves gonzales gonzalez goodman goodwin gordon graham grant gray green
    greene griffin griffith guerra guerrero gupta gutierrez guzman haddad hale hall halloran hamilton hammond hansen
    hanson hardy harper harris harrison hart harvey hassan hawkins hayes haynes henderson henry herman hernandez
    herrera hess hicks higgins hill hodges hoffman hoffmann hogan holland holmes hopkins horst horton howard howell
    huang huber hughes hunt hunter hussain huynh ibrahim iqbal ito ivanov ivers iyer jackson jacobs jain james
    jansen jefferson jenkins jennings jensen jimenez johansson johnson johnston jones jordan joshi kaminski kang
    kapoor katz kaufman kaur keith keller kelley kelly kennedy kerr khan kim king kirby klein knight koch kowalski
    kozlov krause kruger kumar lamb lambert lane larsen larson lawrence lawson leblanc lee leon leonard levine levy
    lewis lin lindgren lindqvist liu lloyd logan long lopez lowe lowery lucas lucero luna lynch macdonald mackenzie
    maldonado malik malone marino marquez marshall martin martinez martins mason massey mathis matthews maxwell
    maynard mcallister mcbride mccall mccarthy mccormick mccoy mcdaniel mcdonald mcgee mcguire mckee mckenzie
    mckinney mclaughlin mcmahon medina mehta mejia melendez mendes mendez mendoza mensah mercado meyer meyers
    middleton miller mills miranda mitchell mohamed molina monroe montgomery moody moore mora morales moran moreau
    moreno moretti morgan morris morrison morrow moss mueller mukherjee mullen muller mullins munoz murphy murray
    myers nair nakamura nash navarro neal nelson newman ng nguyen nichols nielsen nkosi nolan norris novak nunez
    o'brien o'connor o'donnell o'neill o'reilly o'sullivan obrien ochoa oconnor okafor okeke okonkwo oliver olson
    oneill orozco ortega ortiz osborne osei owen owens oyelaran pacheco padilla palmer papadakis pappas park parker
    parsons patel patterson patton payne pearson peck pena pereira perera perez perkins perry peters petersen
    peterson petrov pham phillips pierce pittman poole porter potter powell pratt preston price pruitt quigley quinn
    rahman ramirez ramos ramsey randall rao rasmussen ray reddy reed reeves reid reilly reyes reyna reynolds rhodes
    rice richards richardson riley rios rivas rivera robbins roberts robertson robinson robles rocha rodriguez roe
    rogers rojas romano romero rosario rose rosenberg ross rossi rowe rubio ruiz russell russo ryan saito salas
    salazar salinas sanchez sanders sandoval santiago santos sato saunders schmidt schmitt schneider schroeder
    schultz schwartz scott serrano sexton shah sharma sharpe shaw shelton shepherd sherman silva simmons simpson
    sims singh skinner sloan smith snyder sokolov solis sorensen sosa soto sousa souza spencer steele stein stephens
    stephenson stevens stewart stone strand strickland suarez sullivan sutton suzuki svensson tanaka tanner tate
    taylor terry thomas thompson todd torres townsend tran trotha trujillo tucker turner tyler underwood valdez
    valencia valentine valenzuela vandenberg vargas vasquez vaughn vazquez vega velasquez velez vogel wade wagner
    walker wallace walsh walter walters walton wang ward warren washington watkins watson weaver webb weber weiss
    welch wells west wheeler whitaker white whitehead whitney wiggins wilcox wilkins wilkinson williams williamson
    willis wilson winters winthrop wolf wolfe wong wood woodard woods woodward wright wu wyatt yamamoto yang yates
    yilmaz yoder young zamora zapata zhang zhao zhou zimmerman
    """
)

# What stands with a capital after a title, a label or a given name without being a name, and ends a name that ran on.
NO_NAME = words(
    """
    able about above accepted access account accountant accounting acknowledged action active actual acute
    additional address administration administrator admission admit admits admitted adult advance advocate affiant
    african after again age aged agenda agent agreed agreement alert alerts all allergic allergies although am
    american amount an analysis analyst and annual anonymous any anybody anyone app appears appellant appellate
    applicant appointment approved are area arrived article as asian asked assessment assistant at attachment
    attending attorney audit august author authority authorized available back bankruptcy based bates be because
    been before began beneficiary benefits best bill billing birth board borrower bot box budget business but buyer
    by cal call called calls came can canadian candidate cardiology care caregiver case cause cell center central
    certified chair chairman chart check chief child children children's church cir circuit city civ claimant claims
    class clause clinic clinical code colleagues college comments commission committee communication communications
    community company complains complaint compliance conference confidential confirmed consent consult consultant
    contact continue continued contract copy corp corporate corporation could council counsel counselor county court
    credit crim ct current currently customer daily data date dated daughter dds deal dear debtor deceased december
    declined defendant defense denied denies dental department department's deponent dept deputy description despite
    details development diagnosis dial did director discharge discharged discussed disease district division do dob
    docket doctor document does draft drive due during each earlier east eastern education email emergency employee
    employer employment end engagement engineer engineering equipment error esq estate european evaluation event
    everybody everyone exam example excel executive executor exhibit expected experience ext extension external
    extract facility false family father fax february fed federal female file final finally finance financial first
    floor flow folks follow for form foundation friend friends from full fund funds further general get given
    government grantor group guardian guidelines guys had has have he head health hello help her here hi high him
    his history hiv home hospital hotel how however hr hs human husband id identifier if ii iii important in inc
    income industries info information initial initials inquiry institute instructions insurance intake internal
    international interpreter investor invoice is issue issued it items its january joined july june just justice
    lab laboratory labs landlord last later lead legal lender let letter level library license limited line list
    listed llc llp location log look lpn ltd lunch madam made male management manager manual march market marketing
    matter md me meanwhile medicaid medical medicare medication medications medicine meeting member members memo
    memorial message met mg middle might minutes mobile monday monitoring month more mother mr mrn mrs ms much must
    my na name named names national need needs neighbor network new next no nominee none north northern not note
    noted notes notice notification november now np null number nurse nursing occupation october of off offered
    office officer official old on once one online only operations operator or order ordered orders other our
    outcome outcomes outpatient over owner paid parent parents parties partner party patient patients payment
    payroll pending per period petitioner pharmacy pharmd phd phone physician plaintiff plan plans please po point
    police policy portal position post practitioner pre preferred prepared presented presenting presents president
    press previous previously primary prior privacy private privileged procedure product production professor
    profile program progress project protection provided provider pt public purchase purpose put quality quarter
    question questionnaire questions radiology rate re reason received recent recently record records recovered
    redacted refer referral referred refused region regional registered registration relations relationship release
    released report reported reporter reports request requested requests required res research resident respondent
    response responsible result results return returned review reviewed revised rights risk rn role room roommate
    routine rule safety said saint sale sales same sample satisfaction saturday saw schedule scheduled school
    science screening secretary section security see seen seller senior sent september service services sex shall
    shareholder she shield should sibling signature signed since sir sirs site social society software some someone
    south southern special specialist spouse ssn staff standard state stated states station status still stock
    street string student study subject subsidiary such summary sunday superior supervisor supplies supply support
    supreme surgery surname surrogate surveillance survey system systems take tax taxpayer tbd team technical
    technician technology tel telephone tenant terms test testator tested testing tests than thank thanks that the
    their them then therapist therapy there these they this those thursday time title to today todo told tomorrow
    tonight total training transfer treasurer treated treatment trial true trust trustee tuesday type unavailable
    under underwriter unemployed union unit united university unknown unlike until up update updated upon us use
    user using valued vendor version very veterans vice victim view visit visitor vital vitals vs warning was we
    wednesday week welcome well were west western what when where which while who whom why wife with within without
    witness women's word work worker workers worksheet would yes yesterday yet you your zip
    """
)

# After these a capitalised pair is an institution, a place, a theory or a product, whoever it is named after.
NO_PERSON_AFTER = words(
    """
    academy act agency airlines airport ale area arena associates association avenue award awards bank bar bay beach
    bill boulevard bridge brothers building campus cancer capital care center centre chapel children's church circle
    city clinic club co college committee companies company conference corp corporation council county court creek
    cup custom department disease district drive elementary enterprises estate estates expressway fellowship
    festival fields foundation fund gallery gardens group hall harbor heights high highway hills holdings home
    hospice hospital hotel house inc index industries initiative inn institute insurance international island
    islands lake lane law laboratories laboratory lecture library limited llc llp lodge ltd mall market medical
    memorial method middle mountain museum national neighborhood observatory office orchestra pa park partners
    parkway pavilion pharmaceuticals pharmacy plaza plc point port prep press prize procedure process productions
    project properties rehab rehabilitation research reservoir resort restaurant ridge river road room scale
    scholarship school score sea sign software solutions square stadium staging state station statement street
    studios suite symphony syndrome systems technologies technology terminal terrace test theater theatre theorem
    tower trail trust tunnel university valley village wing winery zoo
    """
)

PARTICLES = words("van von de der den da di del della la le bin bint al el ter ten dos du y zu af ibn san st")

# Given names and surnames that are everyday words at the start of a sentence: not looked for on their own.
EVERYDAY_WORDS = words(
    """
    april art august baker banks bell best bill bishop black bond brook brown buck bush case chance chase church
    clay cole cook cross dawn day dean drew earl english ernest faith field fields fish fox frank french gene good
    grace grant gray green guy hall hand hart hill hope house hunt hunter jack joy june justice king knight lake
    lane law long love mark marsh may mercy miles miller mills north page park parks pat porter price ray read reed
    rich rob rod rose ross rush sharp short singer sky small smart stone strong sue summer sun swift turner wall
    ward waters way weaver webb well wells west white will wise wolf wood woods young
    """
)

# In lower case after a name: what is named after a person. He who is meant by it is no party to the text.
EPONYMS = words(
    """
    algorithm anemia antigen axiom bodies body classification contracture criteria criterion cycle disease diagram
    effect equation exponent formula fracture gland hypothesis index inequality law lemma maneuver manoeuvre medal
    method mutation number palsy paradox phenomenon position principle procedure process ratio reflex rule scale score
    scoring sign stain staging syndrome test theorem theory transform tube tumor ulcer
    """
)
